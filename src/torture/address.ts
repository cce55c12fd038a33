import type { Address } from './proxy.ts'

/** Where a connection string leads over TCP; undefined where a proxy of ours cannot stand in between. */
export function addressOf(connectionString: string): Address | undefined {
  if (!URL.canParse(connectionString)) return undefined
  const url = new URL(connectionString)
  // The certificate would have to be ours.
  const mode = url.searchParams.get('sslmode')
  const isVerified = mode !== null && !['disable', 'allow', 'prefer', 'no-verify'].includes(mode)
  if (isVerified || url.hostname === '' || url.searchParams.has('host')) return undefined
  const host = url.hostname.replaceAll(/^\[|\]$/g, '')
  return { host, port: url.port === '' ? 5432 : Number(url.port) }
}

/** The same database and user, by another way. */
export function through(port: number, connectionString: string): string {
  const url = new URL(connectionString)
  url.hostname = '127.0.0.1'
  url.port = `${port}`
  return url.href
}
