// Loaded by a platform that is to live in the future (`startSidetone({ aheadMs })`): all that it dates, it dates by Date.
const aheadMs = Number(new URL(import.meta.url).searchParams.get('ms'))
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...given: []) {
    super(...(given.length === 0 ? ([RealDate.now() + aheadMs] as unknown as []) : given))
  }
  static override now(): number {
    return RealDate.now() + aheadMs
  }
} as DateConstructor
