import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'

/** Files in PEM. */
export interface TlsFiles {
  cert: string
  key: string
  /** Authorities that are believed beside those that Node knows. */
  ca?: string | undefined
}

/** Who we are, to those who connect and to those we connect to. */
export interface TlsIdentity {
  server(): CertifiedKey
  /** With what we connect: it shows our certificate, and asks for one that is believed (RFC 5922 §7). */
  client(): SecureContext
  /** A certificate lives for weeks, the switch for months: who renews it writes the files anew. */
  onRenewed(use: (identity: CertifiedKey) => void): void
  close(): void
}

interface CertifiedKey {
  cert: Buffer
  key: Buffer
  minVersion: 'TLSv1.2'
}

interface Options {
  /** The files are new, and wrong; the old ones stay in use. */
  onError: (error: unknown) => void
  /** How often it is looked whether they are. */
  lookEveryMs?: number
}

/** Reads the files and checks that they fit together; throws an error that names the setting. */
export function readTlsIdentity(files: TlsFiles, { onError, lookEveryMs = 60_000 }: Options): TlsIdentity {
  const ca = files.ca === undefined ? [] : [readSetting('SIP_TLS_CA', files.ca).toString()]
  const contextOf = (identity: CertifiedKey) =>
    createSecureContext({ ...identity, ...(ca.length > 0 && { ca: [...rootCertificates, ...ca] }) })
  let server = read(files)
  let client = contextOf(server)

  return {
    server: () => server,
    client: () => client,
    onRenewed(use) {
      const renew = () => {
        try {
          server = read(files)
          client = contextOf(server)
          use(server)
        } catch (error) {
          onError(error)
        }
      }
      // Both: one of them may have been written just before a look, the other after it.
      for (const file of [files.cert, files.key]) watchFile(file, { interval: lookEveryMs, persistent: false }, renew)
    },
    close() {
      for (const file of [files.cert, files.key]) unwatchFile(file)
    },
  }
}

function read(files: TlsFiles): CertifiedKey {
  const [cert, key] = [readSetting('SIP_TLS_CERT', files.cert), readSetting('SIP_TLS_KEY', files.key)]
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    const { message } = cause as Error
    throw new Error(`SIP_TLS_CERT and SIP_TLS_KEY must be PEM files that belong together: ${message}`, { cause })
  }
  return { cert, key, minVersion: 'TLSv1.2' }
}

function readSetting(name: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause })
  }
}
