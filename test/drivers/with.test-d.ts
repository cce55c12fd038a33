// What the types of `with` take and refuse; that these take every driver's transaction, each driver's own test shows.
import type { PGlite, Transaction as PgliteTransaction } from '@electric-sql/pglite'
import type { EntityManager as MikroManager } from '@mikro-orm/postgresql'
import type { Client as NeonClient, NeonQueryFunction, Pool as NeonPool } from '@neondatabase/serverless'
import type { SQL, TransactionSQL } from 'bun'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgliteDatabase } from 'drizzle-orm/pglite'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Knex } from 'knex'
import { asTransaction, type JobContext, type KongTask } from 'kongtask'
import type { ControlledTransaction, Kysely, Transaction as KyselyTransaction } from 'kysely'
import type { Client, Pool, PoolClient } from 'pg'
import type { ReservedSql, Sql, TransactionSql } from 'postgres'
import type { Sequelize, Transaction as SequelizeTransaction } from 'sequelize'
import type { DataSource, EntityManager, QueryRunner } from 'typeorm'
import type { Prisma, PrismaClient } from './.kongtask/prisma/client.ts'

type Database = Record<string, Record<string, unknown>>

export interface Transactions {
  readonly client: Client
  readonly poolClient: PoolClient
  readonly neon: NeonClient
  readonly postgresJs: TransactionSql
  readonly bun: TransactionSQL
  readonly pglite: PgliteTransaction
  readonly drizzle: Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]
  readonly kysely: KyselyTransaction<Database>
  readonly controlled: ControlledTransaction<Database>
  readonly prisma: Prisma.TransactionClient
  readonly knex: Knex.Transaction
  readonly manager: EntityManager
  readonly runner: QueryRunner
  readonly mikro: MikroManager
  readonly sequelize: SequelizeTransaction
}

type AnyTransaction = Transactions[keyof Transactions]

export function taken(kong: KongTask, { with: on, withTransaction }: JobContext, each: AnyTransaction): void {
  kong.with(each)
  on(each)
  kong.with(asTransaction(async (text, values) => [{ text, values }]))
  kong.with(asTransaction(async () => ({ rows: [], more: 1 })))
  void withTransaction(async (client) => void (await on(client).addJob('a')))
}

export interface Roots {
  readonly pool: Pool
  readonly neonPool: NeonPool
  readonly neonHttp: NeonQueryFunction<false, false>
  readonly sql: Sql
  readonly reserved: ReservedSql
  readonly bun: SQL
  readonly pglite: PGlite
  readonly drizzle: NodePgDatabase
  readonly drizzlePostgresJs: PostgresJsDatabase
  readonly drizzlePglite: PgliteDatabase
  readonly kysely: Kysely<Database>
  readonly prisma: PrismaClient
  readonly knex: Knex
  readonly dataSource: DataSource
  readonly sequelize: Sequelize
}

export function refused(kong: KongTask, { pool }: JobContext, root: Roots): void {
  // @ts-expect-error a pool
  kong.with(root.pool)
  // @ts-expect-error the runner's pool
  kong.with(pool)
  // @ts-expect-error a pool
  kong.with(root.neonPool)
  // @ts-expect-error each call is a transaction of its own
  kong.with(root.neonHttp)
  // @ts-expect-error no transaction
  kong.with(root.sql)
  // @ts-expect-error perhaps one, but nobody can tell
  kong.with(root.reserved)
  // @ts-expect-error no transaction
  kong.with(root.bun)
  // @ts-expect-error no transaction
  kong.with(root.pglite)
  // @ts-expect-error no transaction
  kong.with(root.drizzle)
  // @ts-expect-error no transaction
  kong.with(root.drizzlePostgresJs)
  // @ts-expect-error no transaction
  kong.with(root.drizzlePglite)
  // @ts-expect-error no transaction
  kong.with(root.kysely)
  // @ts-expect-error no transaction
  kong.with(root.prisma)
  // @ts-expect-error no transaction
  kong.with(root.knex)
  // @ts-expect-error no transaction
  kong.with(root.dataSource)
  // @ts-expect-error no transaction
  kong.with(root.sequelize)
  // @ts-expect-error nothing at all
  kong.with({})
  // @ts-expect-error a list
  kong.with([])
  // @ts-expect-error any function
  kong.with(() => 1)
  // @ts-expect-error text
  kong.with('begin')
  // @ts-expect-error a number
  kong.with(1)
  // @ts-expect-error nothing
  kong.with(undefined)
  // @ts-expect-error nothing
  kong.with(null)
  // @ts-expect-error no rows
  asTransaction(async () => 1)
}
