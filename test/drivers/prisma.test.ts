import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient, type Prisma } from './.kongtask/prisma/client.ts'
import { contract } from './contract.ts'

contract('Prisma', async ({ kong, connectionString }) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString }) })
  const extended = prisma.$extends({ client: { extra: 1 } })
  return {
    inTransaction: (work: (tx: Prisma.TransactionClient) => Promise<void>) => prisma.$transaction(work),
    roots: { prisma, extended },
    example: async () => {
      // docs: Prisma
      await prisma.$transaction(async (tx) => {
        await tx.users.create({ data: { email: 'ada@example.org' } })
        await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      })
      // end
    },
    close: () => prisma.$disconnect(),
  }
})

contract('Prisma, with an extended client', async ({ kong, connectionString }) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString }) })
  const extended = prisma.$extends({ client: { extra: 1 } })
  type Tx = Parameters<Parameters<typeof extended.$transaction>[0]>[0]
  return {
    inTransaction: (work: (tx: Tx) => Promise<void>) => extended.$transaction(work),
    roots: { extended },
    example: () =>
      extended.$transaction(async (tx) => {
        await tx.users.create({ data: { email: 'ada@example.org' } })
        await kong.with(tx).addJob('send_email', { to: 'ada@example.org' })
      }),
    close: () => prisma.$disconnect(),
  }
})
