// As much of Vega as is used here: it is installed with the peers, and the types that it brings are not there before.

declare module 'vega-lite' {
  export function compile(specification: object): { readonly spec: object }
}

declare module 'vega' {
  export interface Runtime {
    readonly marks?: unknown
  }
  export function parse(specification: object): Runtime
  export class View {
    constructor(runtime: Runtime, options: { readonly renderer: 'none' })
    toSVG(): Promise<string>
  }
}
