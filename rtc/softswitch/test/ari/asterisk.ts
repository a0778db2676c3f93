import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeUdpPort } from '@sidetone/testing'

const templates = join(import.meta.dirname, '../../../asterisk/etc')

const asteriskDir =
  process.env.SIDETONE_ASTERISK_DIR ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sidetone/asterisk')

/** Why there is no Asterisk; undefined when scripts/get-asterisk.sh has put one where it belongs. */
export const asteriskAbsent = existsSync(join(asteriskDir, 'asterisk'))
  ? undefined
  : `no Asterisk in ${asteriskDir}: run scripts/get-asterisk.sh`

// Ends Asterisk and removes its folder when our end of the pipe closes, however this process comes to its end.
const keeper = `
exec 3<&0
run=$1; shift
"$@" < /dev/null & server=$!
cat <&3 > /dev/null & pipe=$!
wait -n
kill -TERM $server 2> /dev/null
for i in {1..50}; do kill -0 $server 2> /dev/null || break; sleep 0.1; done
kill -KILL $server $pipe 2> /dev/null
rm -rf "$run"
`

/** A real Asterisk with the configuration of rtc/asterisk, on free ports and in a folder of its own. */
export const startAsterisk = () => startAsteriskTelling('127.0.0.1:9')

/** The same, with copies of its SIP messages for that collector (`host:port`). */
export async function startAsteriskTelling(hepCollector: string) {
  if (asteriskAbsent) throw new Error(asteriskAbsent)
  const run = await mkdtemp(join(tmpdir(), 'sidetone-asterisk-'))
  for (const folder of ['etc', 'lib/keys', 'cache', 'run', 'log', 'spool/recording', 'spool/tmp']) {
    await mkdir(join(run, folder), { recursive: true })
  }
  const [httpPort, sipPort] = await Promise.all([freeTcpPort(), freeUdpPort()])
  const rtpPortMin = 20_000 + 200 * Math.floor(40 * Math.random())
  const password = 'sidetone-test'
  await writeConfiguration(join(run, 'etc'), {
    RUN: run,
    MODULES: join(asteriskDir, 'modules'),
    DATA: join(asteriskDir, 'data'),
    HOST: '127.0.0.1',
    EDGE: '127.0.0.0/8',
    HTTP_PORT: httpPort,
    SIP_PORT: sipPort,
    RTP_PORT_MIN: rtpPortMin,
    RTP_PORT_MAX: rtpPortMin + 3999,
    ARI_PASSWORD: password,
    HEP_COLLECTOR: hepCollector,
  })
  const command = [run, join(asteriskDir, 'asterisk'), '-f', '-C', join(run, 'etc/asterisk.conf')]
  const server = spawn('bash', ['-c', keeper, 'asterisk-keeper', ...command], { stdio: ['pipe', 'ignore', 'ignore'] })
  const exited = once(server, 'exit')
  const log = () => readFile(join(run, 'log/messages'), 'utf8').catch(() => '')

  const ariUrl = `http://127.0.0.1:${httpPort}/ari`
  const authorization = `Basic ${btoa(`sidetone:${password}`)}`
  const answers = () =>
    fetch(`${ariUrl}/asterisk/ping`, { headers: { authorization } }).then(
      ({ ok }) => ok,
      () => false,
    )
  for (let tries = 0; !(await answers()); tries++) {
    if (tries === 250 || server.exitCode !== null) {
      const logged = await log()
      server.stdin.end()
      throw new Error(`Asterisk did not come up. It logged:\n${logged}`)
    }
    await sleep(40)
  }

  return {
    ariUrl,
    user: 'sidetone',
    password,
    host: '127.0.0.1',
    sipPort,
    /** The process that keeps it; Asterisk is its child. */
    keeperPid: server.pid!,
    /** What it has logged: notices, warnings and errors. */
    log,
    async stop() {
      server.stdin.end()
      await exited
    },
  }
}

async function writeConfiguration(folder: string, values: Record<string, string | number>) {
  for (const name of await readdir(templates)) {
    const text = await readFile(join(templates, name), 'utf8')
    const filled = text.replaceAll(/@([A-Z_]+)@/g, (_, key: string) => {
      const value = values[key]
      if (value === undefined) throw new Error(`rtc/asterisk/etc/${name} needs a value for @${key}@`)
      return String(value)
    })
    await writeFile(join(folder, name), filled)
  }
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || !address) throw new Error('no free TCP port')
  return address.port
}
