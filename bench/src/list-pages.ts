import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { benchmark } from './benchmark.ts'
import { endedCall, type Platform, startPlatform } from './platform.ts'
import { alternate, median, percentile, ratios, spread } from './report.ts'

const calls = 1_000_000
const farPage = 5_000
const pageSize = 100
const rounds = 5
const requestsPerRound = 100
const target = 1.25

interface Page {
  result: { id: string }[]
  next_page_token: string
}

/** As many copies of a call, each a second younger than the one before. */
function copyCall(file: string, id: string): void {
  const database = new DatabaseSync(file)
  database.exec('pragma busy_timeout = 60000')
  const names = database.prepare("select name from pragma_table_info('call_call')").all() as { name: string }[]
  const newId = "printf('%08x-0000-7000-8000-%012x', i, i)"
  const own: Record<string, string> = {
    id: newId,
    channel_id: newId,
    tm_create: "strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + i, 'unixepoch')",
  }
  const columns = names.map(({ name }) => `"${name}"`)
  const values = names.map(({ name }) => own[name] ?? `"${name}"`)
  database
    .prepare(
      `insert into call_call (${columns}) with recursive n(i) as (select 1 union all select i + 1 from n where i < ${calls})
       select ${values} from n, call_call where id = ?`,
    )
    .run(id)
  database.exec('analyze')
  database.close()
}

/** Its token is what the page before says, so the way there is walked. */
async function tokenOf(page: number, { rest }: Platform): Promise<string> {
  let token = ''
  for (let at = 1; at < page; at++) {
    token = (await rest<Page>('GET', `/calls?page_size=${pageSize}&page_token=${encodeURIComponent(token)}`))
      .next_page_token
  }
  return token
}

await benchmark({}, async () => {
  const platform = await startPlatform()
  try {
    copyCall(join(platform.dataDir, 'sidetone.db'), (await endedCall(platform)).id)
    const far = `&page_token=${encodeURIComponent(await tokenOf(farPage, platform))}`

    /** Milliseconds of one request, the median of many, one after the other. */
    const timeOf = async (query: string): Promise<number> => {
      const times: number[] = []
      for (let n = 0; n < requestsPerRound; n++) {
        const begun = performance.now()
        const { result } = await platform.rest<Page>('GET', `/calls?page_size=${pageSize}${query}`)
        times.push(performance.now() - begun)
        if (result.length !== pageSize) throw new Error(`the page has ${result.length} calls`)
      }
      return percentile(times, 0.5)
    }
    const { ours, limit } = await alternate(
      rounds,
      () => timeOf(far),
      () => timeOf(''),
    )
    const ratio = ratios(ours, limit)
    return [
      {
        name: `page ${farPage.toLocaleString('en')} of ${calls.toLocaleString('en')} calls beside page 1`,
        ours: spread(ours, ' ms'),
        limit: spread(limit, ' ms'),
        ratio: spread(ratio),
        target: `≤ ${target}`,
        met: median(ratio) <= target,
      },
    ]
  } finally {
    await platform.stop()
  }
})
