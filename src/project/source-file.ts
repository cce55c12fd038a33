const MODULE = /\.[mc]?[jt]s$/
const TYPESCRIPT = /\.[mc]?ts$/
const DECLARATION = /\.d\.[mc]?ts$/
const TEST = /\.(?:test|spec)\.[mc]?[jt]s$/

/** JavaScript or TypeScript that can be imported. */
export function isModuleFile(path: string): boolean {
  return MODULE.test(path) && !DECLARATION.test(path)
}

export function isTypeScript(path: string): boolean {
  return TYPESCRIPT.test(path)
}

export function isTestFile(path: string): boolean {
  return TEST.test(path)
}
