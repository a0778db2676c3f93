/** How people and carriers write the codecs that calls are made with, and how an RTC node calls them. */
const nodeNames: Record<string, string> = {
  ulaw: 'ulaw',
  pcmu: 'ulaw',
  alaw: 'alaw',
  pcma: 'alaw',
  g722: 'g722',
  gsm: 'gsm',
  opus: 'opus',
}

/** `PCMA,opus,G729` as the names of an RTC node, in that order; what it does not know is left out. */
export const nodeCodecsOf = (codecs: string): string[] => [
  ...new Set(codecs.split(',').flatMap((name) => nodeNames[name.trim().toLowerCase()] ?? [])),
]
