import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import { specificationOf, type Picture } from './picture-specification.ts'
import { COLOURS } from './picture-style.ts'

/** The rows as an SVG, which follows the reader's preference for light or dark. */
export async function drawn(picture: Picture): Promise<string> {
  const svg = await new View(parse(compile(specificationOf(picture)).spec), { renderer: 'none' }).toSVG()
  return svg.replace('>', `><style>${styleSheet()}</style>`)
}

/** Each colour stands in the drawing as it is for light: where the reader prefers dark, it is another. */
function styleSheet(): string {
  const dark = Object.values(COLOURS).map(
    ([light, shade]) => `[fill="${light}"]{fill:${shade}}[stroke="${light}"]{stroke:${shade}}`,
  )
  return `@media (prefers-color-scheme:dark){${dark.join('')}}`
}
