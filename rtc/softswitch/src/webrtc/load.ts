import type { MakeSecure } from '../media/transport.ts'

/** What makes sessions secure. Loaded at the start, and only where browsers may call: `werift` takes a third of a second. */
export async function loadWebRtc(warn: (fields: object, message: string) => void): Promise<MakeSecure> {
  const { createDtlsIdentity } = await import('./dtls.ts')
  const { createSecureMedia } = await import('./secure-media.ts')
  const identity = await createDtlsIdentity()
  const onFailed = (err: Error) => warn({ err }, 'DTLS of a call failed')
  return (hooks) => createSecureMedia({ ...hooks, identity, onFailed })
}
