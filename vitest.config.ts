import { defineConfig } from 'vitest/config'

const shared = {
  exclude: ['**/node_modules/**', '**/.sidetone/**'],
  testTimeout: 15_000,
  hookTimeout: 30_000,
  // What comes about by events comes at once, unless the machine has much else to do.
  expect: { poll: { timeout: 10_000 } },
  setupFiles: [`${import.meta.dirname}/scripts/vitest-setup.ts`],
}
/** What sends audio in real time, or starts whole platforms: one file after the other, when nothing else runs. */
const realTime = [
  'rtc/**/*.test.ts',
  'e2e/**/*.test.ts',
  'apps/call-manager/**/*.test.ts',
  'apps/sidetone/**/*.test.ts',
]

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'parts',
          include: ['**/*.test.ts'],
          exclude: [...shared.exclude, ...realTime],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: { ...shared, name: 'real time', include: realTime, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
