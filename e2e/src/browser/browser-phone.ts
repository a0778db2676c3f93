import { existsSync, readFileSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { servePage } from './serve-page.ts'

const candidates = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = process.env.CHROMIUM ?? candidates.find((path) => existsSync(path))

/** Why no browser can be started; undefined when there is one. */
export const chromiumAbsent = executablePath
  ? undefined
  : `no Chromium at ${candidates.join(', ')} (Debian: chromium), and CHROMIUM names none`

const inPage = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8')

interface BrowserStats {
  dtlsState: string
  codec: string
  packetsSent: number
  packetsReceived: number
  packetsLost: number
}

const flags = [
  '--no-sandbox',
  '--use-fake-ui-for-media-stream', // the microphone is allowed …
  '--use-fake-device-for-media-stream', // … and there is one
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--autoplay-policy=no-user-gesture-required',
]

export type BrowserPhone = Awaited<ReturnType<Awaited<ReturnType<typeof startBrowser>>['openPhone']>>

/** A real browser, in which `docs/browser-phone.html` is opened once per phone. */
export async function startBrowser() {
  if (!executablePath) throw new Error(chromiumAbsent)
  const site = await servePage()
  const browser: Browser = await chromium.launch({ executablePath, args: flags })
  return {
    openPhone: (account: { wsPort: number; user: string; password: string; microphoneHz: number }) =>
      openPhone(browser, site.url, account),
    async close() {
      await browser.close()
      await site.close()
    },
  }
}

/** Registers as a person would; instead of the microphone's beeps it says one tone. */
async function openPhone(
  browser: Browser,
  url: string,
  account: { wsPort: number; user: string; password: string; microphoneHz: number },
) {
  const page = await browser.newPage()
  await page.addInitScript({ content: `window.microphoneHz = ${account.microphoneHz}\n${inPage}` })
  await page.goto(url)
  await page.fill('[name=server]', `ws://127.0.0.1:${account.wsPort}`)
  await page.fill('[name=user]', account.user)
  await page.fill('[name=password]', account.password)
  await page.click('text=Register')
  await waitForState(page, /^registered$/)

  return {
    page,
    waitForState: (state: RegExp, timeoutMs?: number) => waitForState(page, state, timeoutMs),
    async call(target: string) {
      await page.fill('[name=target]', target)
      await page.click('#dial button')
    },
    answer: () => page.click('#answer'),
    hold: () => page.click('#hold'),
    resume: () => page.click('#resume'),
    hangup: () => page.click('#hangup'),
    press: (key: string) => page.click(`#keys >> text="${key}"`),
    /** The strongest frequency in what the page plays now, 0 when it is silent. */
    frequency: (): Promise<number> => page.evaluate('heardHz()'),
    /** Waits until all of these sound at once. */
    waitForTones: (frequencies: number[], timeoutMs?: number) =>
      waitFor(page, `hears(${JSON.stringify(frequencies)})`, timeoutMs),
    waitForSilence: (timeoutMs?: number) => waitFor(page, 'isSilent()', timeoutMs),
    /** What the browser says about the connection: DTLS, packets, codec. */
    stats: (): Promise<BrowserStats> => page.evaluate('stats()'),
  }
}

const waitFor = (page: Page, expression: string, timeoutMs = 8000) =>
  page.waitForFunction(expression, undefined, { timeout: timeoutMs, polling: 20 })

const waitForState = (page: Page, state: RegExp, timeoutMs?: number) =>
  waitFor(page, `${state}.test(document.getElementById('state').textContent)`, timeoutMs)
