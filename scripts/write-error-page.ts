// Writes docs/errors.md from the catalogue. Run it after changing the catalogue: npx tsx scripts/write-error-page.ts
import { writeFileSync } from 'node:fs'
import { catalogue } from '../src/core/error-catalogue.ts'

const head = `# Errors

Every error that KongTask raises about its use or its database is a \`KongTaskError\` with a stable \`code\`. A code keeps
its meaning for good.

\`\`\`ts
import { KongTaskError } from 'kongtask'

try {
  await kong.addJob(sendEmail, payload)
} catch (error) {
  if (error instanceof KongTaskError && error.code === 'KT_PAYLOAD_INVALID') return badRequest(error.message)
  throw error
}
\`\`\`
`

const sections = Object.entries(catalogue).map(
  ([code, { what, remedy }]) => `## ${code}\n\n${what}\n\nWhat to do: ${remedy}\n`,
)
writeFileSync(new URL('../docs/errors.md', import.meta.url), [head, ...sections].join('\n'))
