import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Runs a program of the repository with nothing but these settings. */
function run(path: string, env: Record<string, string>, ...args: string[]): Promise<{ code: number; stderr: string }> {
  const program = fileURLToPath(new URL(`../../../${path}`, import.meta.url))
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, timeout: 10_000 }, (error, _stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stderr }),
    )
  })
}

test('a manager of its own refuses to work for nobody', async () => {
  const { code, stderr } = await run('apps/tag-manager/src/main.ts', {})
  expect(code).toBe(1)
  expect(stderr).toContain('RABBITMQ_URL: is needed')
  expect(stderr).not.toMatch(/\n +at /)
})

test('the event hub names the settings that are wrong', async () => {
  const wrong = await run('apps/event-hub/src/main.ts', { LOG_LEVEL: 'warning', EVENT_HUB_PORT: '0' })
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/EVENT_HUB_PORT: must be 1 or more\n.*LOG_LEVEL/),
  })

  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const taken = await run('apps/event-hub/src/main.ts', { EVENT_HUB_HOST: '127.0.0.1', EVENT_HUB_PORT: String(port) })
  expect(taken.stderr).toMatch(/^the event hub cannot listen on .*; set EVENT_HUB_HOST and EVENT_HUB_PORT/)
  other.close()
})

test('a mistyped option of the admin program is answered with how it is used', async () => {
  const { code, stderr } = await run('apps/sidetone/src/admin.ts', {}, 'create-customer', '--nam', 'Acme')
  expect(code).toBe(1)
  expect(stderr).toMatch(/Unknown option '--nam'[\s\S]*npm run admin -- create-customer --name <name>/)
  expect(stderr).not.toMatch(/\n +at /)
})
