import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { findService } from '@sidetone/testing'
import mysql from 'mysql2/promise'

/** What a story starts the platform with, and how it is cleared away afterwards. */
export interface Backing {
  env: Record<string, string>
  remove: () => Promise<void>
}

/** Nothing but what the platform has in itself. */
export const embedded = async (): Promise<Backing> => ({ env: {}, remove: async () => {} })

/**
 * Finds a real database, broker and cache. What it answers with makes a database, a virtual host and a Redis database of
 * their own, so that nothing else on these services is touched; undefined when one of them is not there.
 */
export async function findRealServices(suite: string): Promise<(() => Promise<Backing>) | undefined> {
  const databaseUrl = await findService('DATABASE_URL', suite)
  const rabbitUrl = await findService('RABBITMQ_URL', suite)
  const redisUrl = await findService('REDIS_URL', suite)
  if (!databaseUrl || !rabbitUrl || !redisUrl) return undefined
  return async () => {
    const name = `sidetone_e2e_${randomUUID().slice(0, 8)}`
    const connection = await mysql.createConnection(databaseUrl)
    await connection.query(`create database ${name}`)
    await rabbitmqctl('add_vhost', name)
    await rabbitmqctl('set_permissions', '-p', name, 'guest', '.*', '.*', '.*')
    const database = new URL(databaseUrl)
    database.pathname = `/${name}`
    const rabbit = new URL(rabbitUrl)
    rabbit.pathname = `/${name}`
    return {
      env: { DATABASE_URL: database.href, RABBITMQ_URL: rabbit.href, REDIS_URL: `${redisUrl}/9` },
      async remove() {
        await rabbitmqctl('delete_vhost', name)
        await connection.query(`drop database ${name}`)
        await connection.end()
      },
    }
  }
}

const rabbitmqctl = (...args: string[]) => promisify(execFile)('rabbitmqctl', args)
