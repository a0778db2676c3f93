// The package comes without types; this is the part of it that is used.
declare module '@echogarden/espeak-ng-emscripten' {
  interface Engine {
    readonly samplerate: number
    set_voice(identifier: string): number
    synthesize(ssml: string, onAudio: (samples: Int16Array | undefined) => boolean): void
  }
  export default function load(): Promise<{ eSpeakNGWorker: new () => Engine }>
}
