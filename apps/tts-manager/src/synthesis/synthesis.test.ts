import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { createSynthesizer, LanguageNotSupported, TextNotSpeakable } from './index.ts'
import { speakable } from './speakable.ts'
import { telephoneWav } from './wav.ts'

const synthesizer = createSynthesizer()
afterAll(() => synthesizer.close())

const samplesOf = (wav: Uint8Array) => new Int16Array(Uint8Array.from(wav.subarray(44)).buffer)
const secondsOf = (wav: Uint8Array) => samplesOf(wav).length / 8000
const loudness = (samples: Int16Array) =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
const say = (text: string, language = 'en-US') => synthesizer.synthesize({ text, language })
const sentence = 'Hello, your call is important to us. Please hold the line.'

describe('speech', () => {
  test('is a WAV for telephones, as long as someone needs to say it, and loud enough', async () => {
    const wav = await say(sentence)
    expect(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ')
    expect(wav.readUInt32LE(4)).toBe(wav.length - 8)
    expect([wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt16LE(34)]).toEqual([
      1, 1, 8000, 16,
    ])
    expect(wav.readUInt32LE(40)).toBe(wav.length - 44)
    expect(secondsOf(wav)).toBeGreaterThan(2)
    expect(secondsOf(wav)).toBeLessThan(7)
    const samples = samplesOf(wav)
    expect(loudness(samples)).toBeGreaterThan(500)
    expect(samples.some((sample) => Math.abs(sample) > 4000)).toBe(true)
    // Speech changes: some tenths of a second are loud, some nearly silent, as tones and noise are not.
    const tenths = Array.from({ length: Math.floor(samples.length / 800) }, (_, at) =>
      loudness(samples.slice(at * 800, at * 800 + 800)),
    )
    expect(Math.max(...tenths)).toBeGreaterThan(8 * Math.min(...tenths))
  })

  test('differs with the text', async () => {
    const [one, two] = await Promise.all([say('one'), say('four hundred and eleven')])
    expect(one.equals(two)).toBe(false)
    expect(secondsOf(two)).toBeGreaterThan(2 * secondsOf(one))
  })

  // No two runs are alike to the sample, but their lengths are; two languages differ in one of these lengths at least.
  const measure = async (language: string) => {
    const spoken = await Promise.all(['777 777 777', 'schedule garage water'].map((text) => say(text, language)))
    for (const wav of spoken) expect(loudness(samplesOf(wav))).toBeGreaterThan(500)
    return spoken.map(secondsOf)
  }
  const alike = (one: number[], two: number[]) => one.every((seconds, at) => Math.abs(seconds / two[at]! - 1) < 0.006)

  test('differs in each language that there is', async () => {
    const names = synthesizer.voices().map(({ language }) => language)
    expect(names).toEqual(['en-US', 'en-GB', 'de-DE', 'es-ES', 'fr-FR', 'it-IT'])
    const measured = await Promise.all(names.map(measure))
    for (const [at, one] of measured.entries()) {
      for (const other of measured.slice(at + 1)) expect(alike(one, other)).toBe(false)
    }
  })

  test('finds a language in its usual spellings', async () => {
    const [wanted, ...same] = await Promise.all(['de-DE', 'de', 'DE-de', 'de_DE'].map(measure))
    for (const measured of same) expect(alike(measured, wanted!)).toBe(true)
  })

  test('in a language that there is not is refused, and those there are named', async () => {
    for (const language of ['rw-RW', 'e', '', 'constructor']) {
      const attempt = say('Muraho', language)
      await expect(attempt).rejects.toThrow(LanguageNotSupported)
      await expect(attempt).rejects.toThrow(/there is en-US, en-GB, de-DE, es-ES, fr-FR, it-IT/)
    }
  })

  test('of nothing, or of too much, is refused', async () => {
    for (const text of ['', '  \n', '<speak><break time="1s"/></speak>', '...'])
      await expect(say(text)).rejects.toThrow(TextNotSpeakable)
    await expect(say('a'.repeat(5001))).rejects.toThrow(/text has 5001 characters; at most 5000/)
  })

  test('survives any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (text) => {
        const wav = await say(text).catch((error: Error) => {
          expect(error).toBeInstanceOf(TextNotSpeakable)
          return undefined
        })
        if (wav) expect(wav.length).toBeGreaterThanOrEqual(44)
      }),
      { numRuns: 60 },
    )
  })

  test('obeys a break', async () => {
    const [plain, paused] = await Promise.all([
      say('Hello world'),
      say('<speak>Hello <break time="2s"/> world</speak>'),
    ])
    expect(secondsOf(paused) - secondsOf(plain)).toBeGreaterThan(1.5)
  })

  test('is made in a thread of its own', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 5)
    await say(sentence.repeat(20))
    clearInterval(ticking)
    expect(turns).toBeGreaterThan(10)
  })

  test('under way when the synthesizer closes is given up, and later speech works again', async () => {
    const other = createSynthesizer()
    const cut = other.synthesize({ text: sentence.repeat(20), language: 'en' })
    cut.catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
    await other.close()
    await expect(cut).rejects.toThrow(/was closed/)
    expect((await other.synthesize({ text: 'one', language: 'en' })).length).toBeGreaterThan(44)
    await other.close()
  })
})

describe('SSML', () => {
  test.each([
    ['1 < 2 & 3 > 2', '1 &lt; 2 &amp; 3 &gt; 2'],
    ['AT&amp;T &#65;&#x42; &unknown;', 'AT&amp;T AB &amp;unknown;'],
    ['<speak>Hello <emphasis level="strong">there</emphasis></speak>', 'Hello there'],
    ['a<break time="500ms"/>b', 'a<break time="500ms"/>b'],
    ['a<break time="1.5s"/>b', 'a<break time="1500ms"/>b'],
    ['a<break time="99s"/>b', 'a<break time="10000ms"/>b'],
    ["a<break strength='weak'/>b", 'a<break time="200ms"/>b'],
    ['a<break time="soon"/>b', 'a<break time="400ms"/>b'],
    ['<p>One</p><p>Two</p>', 'One\n\nTwo'],
    ['<sub alias="World Wide Web">WWW</sub> is', 'World Wide Web is'],
    ['<audio src="file:///etc/passwd"/>x<!-- not this --><?nor this?>', 'x'],
    ['an <unknown> tag', 'an &lt;unknown&gt; tag'],
    ['&lt;break time="9s"/&gt;', '&lt;break time="9s"/&gt;'],
    ['a\u0000b\u0007c\ud800', 'a b c\ufffd'],
  ])('%j is read as %j', (given, read) => {
    expect(speakable(given)).toBe(read)
  })

  test('holds no markup but breaks, whatever was given', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<speak>',
        '<break time="1s"/>',
        '<sub alias="<b>">',
        '</sub>',
        '&lt;',
        '<audio src="x"',
        '>',
        '<',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(speakable(pieces.join('')).replaceAll(/<break time="\d+ms"\/>/g, '')).not.toMatch(/[<>]/)
      }),
    )
  })
})

describe('the telephone rate', () => {
  const tone = (hz: number) =>
    Int16Array.from({ length: 22_050 }, (_, at) => 10_000 * Math.sin((2 * Math.PI * hz * at) / 22_050))
  const middle = (hz: number) => samplesOf(telephoneWav(tone(hz), 22_050)).slice(500, 7500)

  test('keeps what telephones carry', () => {
    for (const hz of [100, 1000, 3400]) {
      expect(loudness(middle(hz))).toBeGreaterThan(0.9 * 7071)
      expect(loudness(middle(hz))).toBeLessThan(1.05 * 7071)
    }
    const crossings = middle(1000).filter((sample, at, all) => at > 0 && sample >= 0 && all[at - 1]! < 0).length
    expect(Math.abs(crossings - 875)).toBeLessThanOrEqual(1)
  })

  test('drops what would fold down into the voice', () => {
    for (const hz of [4800, 6000, 9000]) expect(loudness(middle(hz))).toBeLessThan(100)
  })
})
