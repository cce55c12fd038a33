import { finding, type Finding } from '../finding.ts'

/** That of `engines` in package.json. */
export const OLDEST_NODE = '20.19'

/** @param version without the v in front */
export function checkNodeVersion(version: string): readonly Finding[] {
  if (!isBefore(version, OLDEST_NODE)) return [finding('node', 'node_supported', `Node is ${version}.`)]
  const what = `Node is ${version}; KongTask needs ${OLDEST_NODE} or later.`
  const remedy = { remedy: 'Install a later one, for workers too.', command: 'nvm install --lts' }
  return [finding('node', 'node_too_old', what, remedy)]
}

function isBefore(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
