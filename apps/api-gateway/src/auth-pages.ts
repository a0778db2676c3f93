import { createHash } from 'node:crypto'
import type { Hono } from 'hono'
import type { GatewayEnv } from './gateway-env.ts'

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 28rem; margin: 15vh auto; padding: 0 1rem; color: #1f2328; }
  form { display: grid; gap: 1rem; }
  input, button { font: inherit; padding: 0.5rem 0.75rem; border: 1px solid #8c959f; border-radius: 6px; }
  button { background: #1f6feb; border-color: #1f6feb; color: #fff; cursor: pointer; }
  output { overflow-wrap: anywhere; white-space: pre-wrap; }`

/** Sends the token of the address, which leaves the address bar and the history, together with what the form holds. */
const script = `
  const token = new URLSearchParams(location.search).get('token')
  history.replaceState(null, '', location.pathname)
  const form = document.querySelector('form')
  const output = document.querySelector('output')
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    form.querySelector('button').disabled = true
    const body = JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) })
    const headers = { 'Content-Type': 'application/json' }
    const response = await fetch(location.pathname, { method: 'POST', headers, body }).catch(() => undefined)
    const answer = await response?.json().catch(() => undefined)
    if (response?.ok) {
      form.hidden = true
      const key = answer.accesskey?.token
      output.textContent = form.dataset.done + (key ? form.dataset.made + key : '')
    } else {
      output.textContent = answer?.error?.message ?? 'The platform does not answer; try again.'
      form.querySelector('button').disabled = false
    }
  })`

const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src ${sourceOf(style)}`,
    `script-src ${sourceOf(script)}`,
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
}

const page = (title: string, content: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <style>${style}</style>
  </head>
  <body>
    <h1>${title}</h1>
    ${content}
  </body>
</html>
`

interface Form {
  fields: string
  button: string
  /** What is said once it is sent, and in front of an access key that came back. */
  done: string
  made?: string
}

const formPage = (title: string, { fields, button, done, made = '' }: Form): string =>
  page(
    title,
    `<form data-done="${done}" data-made="${made}">${fields}<button>${button}</button></form><p><output></output></p><script>${script}</script>`,
  )

const pages: Record<string, string> = {
  '/auth/email-verify': formPage('Confirm your e-mail address', {
    fields: '',
    button: 'Confirm',
    done: 'Your address is confirmed.',
    made: ' Your account is ready. A link for setting your password is on its way to you.\n\nAccess key, shown this once:\n',
  }),
  '/auth/password-reset': formPage('Set a new password', {
    fields:
      '<input name="password" type="password" autocomplete="new-password" minlength="8" maxlength="256" required placeholder="New password, 8 characters or more" aria-label="New password">',
    button: 'Set password',
    done: 'Your password is set. You can log in with it.',
  }),
}

const incomplete = page('This link is incomplete', '<p>Copy the whole link from the mail.</p>')

/** The pages behind the links in mails. */
export function addAuthPages(app: Hono<GatewayEnv>): void {
  for (const [path, html] of Object.entries(pages)) {
    app.get(path, (c) => {
      const complete = /^[0-9a-f]{64}$/.test(c.req.query('token') ?? '')
      return new Response(complete ? html : incomplete, {
        status: complete ? 200 : 400,
        headers: { ...c.env.headers, ...headers },
      })
    })
  }
}
