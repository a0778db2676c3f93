export type Variables = Readonly<Record<string, string>>

/** No text of an option may be longer, so a result past this is refused by the check of the option. */
const maxChars = 66_000

/** Fills in the `${name}`s of every text in a value; names that do not exist become empty. What was filled in is not looked at again. */
export function substitute(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return substituteText(value, variables)
  if (Array.isArray(value)) return value.map((item) => substitute(item, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, variables)]))
}

function substituteText(text: string, variables: Variables): string {
  let filledIn = 0
  return text.replace(/\$\{([^{}]*)\}/g, (_, name: string) => {
    if (filledIn > maxChars) return ''
    const value = variableOf(variables, name)
    filledIn += value.length
    return value
  })
}

/** The value of a variable; empty when there is none. */
export const variableOf = (variables: Variables, name: string): string =>
  Object.hasOwn(variables, name) ? variables[name]! : ''

/** Whether a text depends on variables, so that it can only be judged when it runs. */
export const hasVariables = (text: unknown): boolean => typeof text === 'string' && /\$\{[^{}]*\}/.test(text)
