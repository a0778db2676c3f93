import { type ApiError, commonError } from '@sidetone/contract'

/** The last row of a page: where the next page begins. */
export interface Position {
  tm_create: string
  id: string
}

const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|([0-9a-f-]{36})$/

/** The opaque form of a position. */
export const pageToken = ({ tm_create, id }: Position): string =>
  Buffer.from(`${tm_create}|${id}`).toString('base64url')

/** The position that a token stands for. */
export function readPageToken(token: string): Position {
  const [, tm_create, id] = form.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (tm_create === undefined || id === undefined) throw notOurs()
  return { tm_create, id }
}

/** For lists that count their rows: the number of the last one, of which the token is the text; absent or empty: before the first. */
export function readNumberToken(token: string | undefined): number {
  if (token === undefined || token === '') return Number.MAX_SAFE_INTEGER
  if (!/^\d{1,15}$/.test(token)) throw notOurs()
  return Number(token)
}

function notOurs(): ApiError {
  const problem =
    'is not a token of this list; take next_page_token of the page before, or leave it out for the first page'
  return commonError('INVALID_ARGUMENT', {
    message: `page_token: ${problem}`,
    details: [{ field: 'page_token', problem }],
  })
}
