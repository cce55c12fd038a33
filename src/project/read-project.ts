// Front door of the configuration: flags, KONGTASK_… variables, the file, and what others' variables say, in that order.
import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { suggestion } from '../core/near-miss.ts'
import { isPlainObject } from '../core/plain-object.ts'
import { showValue } from '../core/show-value.ts'
import { ambientSettings } from './ambient-settings.ts'
import { findConfig } from './find-config.ts'
import { loadModule } from './load-module.ts'
import { messageOf, Problems } from './problems.ts'
import { RULES, SETTINGS, type Given, type Settings } from './settings.ts'
import { strayVariables } from './stray-variables.ts'

export interface ProjectRequest {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Text by name of the setting, with the flag that said it. */
  readonly flags?: ReadonlyMap<string, { readonly flag: string; readonly text: string }> | undefined
  /** Instead of the one that is found. */
  readonly configFile?: string | undefined
}

/** A setting that somebody made, and who. */
export interface SettingSource {
  readonly name: string
  readonly source: string
}

/** What is set for a folder and whoever works in it. */
export interface Project {
  /** Where the configuration lies; where there is none, the working directory. */
  readonly folder: string
  readonly configFile: string | undefined
  readonly settings: Settings
  readonly sources: readonly SettingSource[]
  /** What is probably a mistake, but may be meant. */
  readonly warnings: readonly string[]
}

/** @throws ProblemsError (KT_CONFIG_INVALID) with everything that is wrong, wherever it stands */
export async function readProject({ cwd, env, flags, configFile }: ProjectRequest): Promise<Project> {
  const problems = new Problems()
  const file = configFileOf(cwd, configFile ?? env['KONGTASK_CONFIG'], problems)
  const folder = file === undefined ? cwd : dirname(file)
  const layers = [
    usualPlaces(folder),
    file === undefined ? new Map<string, Given>() : await fromFile(file, cwd, problems),
    fromVariables(env, cwd),
    fromFlags(flags ?? new Map(), cwd),
  ]
  // Each layer is checked whole: what is overridden today is not tomorrow.
  let settings: Settings = {}
  const sources = new Map<string, string>()
  const warnings = [...strayVariables(env)]
  for (const layer of layers) {
    const connection = layer.get('connectionString')
    const direct = sources.get('directConnectionString')
    // What was said before may lead to another database.
    if (connection !== undefined && direct !== undefined) {
      const { directConnectionString: _other, ...rest } = settings
      settings = rest
      sources.delete('directConnectionString')
      if (!layer.has('directConnectionString'))
        warnings.push(
          `\`directConnectionString\` of ${direct} is left out: ${connection.source} says which database it is.`,
        )
    }
    for (const [name, given] of layer) {
      const checked = problems.attempt(given.source, given.path, () =>
        RULES.get(name)?.check(given.value, given, problems),
      )
      settings = { ...settings, ...checked }
      sources.set(name, given.source)
    }
  }
  for (const { name, value, source } of ambientSettings(env)) {
    if (sources.has(name)) continue
    // They are somebody else's, who may mean another kind of database.
    try {
      const given = { value, source, path: '', folder: cwd }
      settings = { ...settings, ...SETTINGS[name].check(value, given, problems) }
      sources.set(name, source)
    } catch (error) {
      warnings.push(`${source} is left out. ${messageOf(error)}`)
    }
  }
  // Who writes the crontab into the configuration has not asked for the file.
  if (settings.crontab !== undefined && sources.get('crontabFile') === 'default') {
    const { crontabFile: _usual, ...rest } = settings
    settings = rest
    sources.delete('crontabFile')
  }
  problems.throwIfAny('KT_CONFIG_INVALID', 'The configuration cannot be used:')
  return {
    folder,
    configFile: file,
    settings,
    sources: [...sources].map(([name, source]) => ({ name, source })),
    warnings,
  }
}

type Layer = ReadonlyMap<string, Given>

function configFileOf(cwd: string, named: string | undefined, problems: Problems): string | undefined {
  if (named === undefined || named === '') return findConfig(cwd)
  const path = resolve(cwd, named)
  if (existsSync(path)) return path
  problems.add({ source: named, path: '', why: 'There is no such file.' })
  return undefined
}

async function fromFile(path: string, cwd: string, problems: Problems): Promise<Layer> {
  const source = relative(cwd, path) || basename(path)
  const folder = dirname(path)
  let config: unknown
  try {
    config = await (await loadModule(path))['default']
  } catch (error) {
    problems.add({ source, path: '', why: `cannot be loaded. ${messageOf(error)}` }, error)
    return new Map()
  }
  if (!isPlainObject(config)) {
    problems.add({
      source,
      path: '',
      why: `must have the configuration as its default export: export default defineConfig({ … }). It has ${showValue(config)}.`,
    })
    return new Map()
  }
  const layer = new Map<string, Given>()
  for (const [name, value] of Object.entries(config)) {
    if (!RULES.has(name)) {
      const meant = suggestion(name, RULES.keys())
      const known = meant === '' ? ` Known options: ${[...RULES.keys()].join(', ')}.` : ''
      problems.add({ source, path: name, why: `There is no such option.${meant}${known}` })
    } else if (value !== undefined) layer.set(name, { value, source, path: name, folder })
  }
  return layer
}

function fromVariables(env: ProjectRequest['env'], folder: string): Layer {
  const layer = new Map<string, Given>()
  for (const [name, { variable, fromText }] of RULES) {
    const text = variable === undefined ? undefined : env[variable]
    if (variable === undefined || text === undefined || text === '') continue
    layer.set(name, { value: fromText?.(text) ?? text, source: variable, path: '', folder })
  }
  return layer
}

function fromFlags(flags: NonNullable<ProjectRequest['flags']>, folder: string): Layer {
  const layer = new Map<string, Given>()
  for (const [name, { flag, text }] of flags) {
    const value = RULES.get(name)?.fromText?.(text) ?? text
    layer.set(name, { value, source: flag, path: '', folder })
  }
  return layer
}

/** What is found under its usual name need not be named. */
function usualPlaces(folder: string): Layer {
  const found = Object.entries({ tasks: 'tasks', crontabFile: 'crontab' }).filter(([, place]) =>
    existsSync(join(folder, place)),
  )
  return new Map(found.map(([name, value]) => [name, { value, source: 'default', path: '', folder }]))
}
