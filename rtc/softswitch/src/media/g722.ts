/**
 * ITU-T G.722 (09/2012) at 64 kbit/s: 16 kHz audio in two bands of 8 kHz, each coded by ADPCM, the lower with 6 bits a
 * sample, the higher with 2. Names in capitals are the blocks of the recommendation; arithmetic is its 16-bit fixed point.
 */

const saturate = (value: number) => (value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value)
const clamp = (value: number, limit: number) => (value > limit ? limit : value < -limit ? -limit : value)

// Table 11: one half of the symmetric 24 taps of the quadrature mirror filters.
const qmfTaps = Int32Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11)
const half = qmfTaps.length

// Table 14: decision levels of the lower band, and from level to code for negative and positive differences.
const q6 = Int32Array.of(
  ...[0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219],
  ...[1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919],
)
const negativeCode = (level: number) => (level < 3 ? 64 - level : 34 - level)
const positiveCode = (level: number) => 62 - level

// Table 15: output of the inverse quantizers.
const qm2 = Int32Array.of(-7408, -1616, 7408, 1616)
const qm4 = Int32Array.of(
  ...[0, -20456, -12896, -8968, -6288, -4240, -2584, -1200],
  ...[20456, 12896, 8968, 6288, 4240, 2584, 1200, 0],
)
const qm6 = Int32Array.of(
  ...[-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576],
  ...[-7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040],
  ...[-728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456],
  ...[4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136],
)

// Tables 16 to 18: how a code changes the logarithmic scale factor of its band, and the table that makes it linear.
const wl = [-60, -30, 58, 172, 334, 538, 1198, 3042]
const rl42 = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0]
const lowSteps = Int32Array.from(rl42, (index) => wl[index]!)
const highSteps = Int32Array.of(798, -214, 798, -214)
const ilb = Int32Array.of(
  ...[2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960],
  ...[3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008],
)

/** The adaptive predictor and scale factor of one band; encoder and decoder run the same. */
function createBand(scale: { steps: Int32Array; limit: number; shift: number; first: number }) {
  const { steps, limit, shift } = scale
  const d = new Int32Array(7) // quantized differences, newest first
  const b = new Int32Array(7) // zeros of the predictor; [0] is not used
  let a1 = 0 // its poles
  let a2 = 0
  let r1 = 0 // the signal as reconstructed, and by its zeros alone
  let r2 = 0
  let p1 = 0
  let p2 = 0
  let sz = 0 // predicted by the zeros
  let nb = 0

  const band = {
    /** The signal as predicted. */
    s: 0,
    /** The scale factor. */
    det: scale.first,
    /** Takes the quantized difference and its code into account (blocks LOGSCL to PREDIC). */
    adapt(difference: number, code: number) {
      nb = Math.max(0, Math.min(limit, ((nb * 127) >> 7) + steps[code]!)) // LOGSCL, LOGSCH
      const down = shift - (nb >> 11) // SCALEL, SCALEH
      const linear = ilb[(nb >> 6) & 31]!
      band.det = (down < 0 ? linear << -down : linear >> down) << 2

      const r0 = saturate(band.s + difference) // RECONS
      const p0 = saturate(sz + difference) // PARREC
      const sign = p0 >> 15

      // UPPOL2, UPPOL1
      const wanted = saturate(a1 << 2)
      const turned = sign === p1 >> 15 ? Math.min(32_767, -wanted) : wanted
      const next2 = clamp((sign === p2 >> 15 ? 128 : -128) + (turned >> 7) + ((a2 * 32_512) >> 15), 12_288)
      const next1 = saturate((sign === p1 >> 15 ? 192 : -192) + ((a1 * 32_640) >> 15))
      a1 = clamp(next1, saturate(15_360 - next2))
      a2 = next2

      // UPZERO, DELAYA, FILTEZ
      const step = difference === 0 ? 0 : 128
      const signD = difference >> 15
      let zeros = 0
      d[0] = difference
      for (let i = 6; i > 0; i--) {
        b[i] = saturate((d[i]! >> 15 === signD ? step : -step) + ((b[i]! * 32_640) >> 15))
        d[i] = d[i - 1]!
        zeros += (b[i]! * saturate(d[i]! << 1)) >> 15
      }
      r2 = r1
      r1 = r0
      p2 = p1
      p1 = p0

      // FILTEP, PREDIC
      const poles = saturate(((a1 * saturate(r1 << 1)) >> 15) + ((a2 * saturate(r2 << 1)) >> 15))
      sz = saturate(zeros)
      band.s = saturate(poles + sz)
    },
  }
  return band
}

const createLow = () => createBand({ steps: lowSteps, limit: 18_432, shift: 8, first: 32 })
const createHigh = () => createBand({ steps: highSteps, limit: 22_528, shift: 10, first: 8 })

/** The samples a filter looks at: what came before, then this frame. */
function createWindow() {
  const before = 2 * half - 2
  let x = new Int32Array(before + 320)
  return (samples: number): Int32Array => {
    if (x.length < before + samples) {
      const longer = new Int32Array(before + samples)
      longer.set(x)
      x = longer
    }
    return x
  }
}

/** 16 kHz samples to codes, two samples to one. */
export function createG722Encoder() {
  const low = createLow()
  const high = createHigh()
  const windowOf = createWindow()

  function codeLow(input: number): number {
    const el = saturate(input - low.s)
    const magnitude = el >= 0 ? el : -(el + 1)
    let level = 1
    while (level < q6.length && magnitude >= (q6[level]! * low.det) >> 12) level++
    const code = el < 0 ? negativeCode(level) : positiveCode(level)
    low.adapt((low.det * qm4[code >> 2]!) >> 15, code >> 2)
    return code
  }

  function codeHigh(input: number): number {
    const eh = saturate(input - high.s)
    const magnitude = eh >= 0 ? eh : -(eh + 1)
    const isFar = magnitude >= (564 * high.det) >> 12
    const code = (eh < 0 ? 0 : 2) + (isFar ? 0 : 1)
    high.adapt((high.det * qm2[code]!) >> 15, code)
    return code
  }

  return {
    /** Writes `frame.length / 2` codes. */
    encode(frame: Int16Array, codes: Uint8Array, offset: number): number {
      const x = windowOf(frame.length)
      x.set(frame, 2 * half - 2)
      for (let at = 0; at < frame.length; at += 2) {
        let even = 0
        let odd = 0
        for (let i = 0; i < half; i++) {
          odd += x[at + 2 * i]! * qmfTaps[i]!
          even += x[at + 2 * i + 1]! * qmfTaps[half - 1 - i]!
        }
        codes[offset + at / 2] = (codeHigh((even - odd) >> 14) << 6) | codeLow((even + odd) >> 14)
      }
      x.copyWithin(0, frame.length, frame.length + 2 * half - 2)
      return frame.length / 2
    },
  }
}

/** Codes to 16 kHz samples, one to two. */
export function createG722Decoder() {
  const low = createLow()
  const high = createHigh()
  const windowOf = createWindow()

  return {
    decode(codes: Uint8Array, samples: Int16Array): void {
      const x = windowOf(2 * codes.length)
      for (let index = 0; index < codes.length; index++) {
        const code = codes[index]!
        const ilow = code & 0x3f
        const ihigh = code >> 6
        const rlow = clamp(low.s + ((low.det * qm6[ilow]!) >> 15), 16_383)
        low.adapt((low.det * qm4[ilow >> 2]!) >> 15, ilow >> 2)
        const dhigh = (high.det * qm2[ihigh]!) >> 15
        const rhigh = clamp(high.s + dhigh, 16_383)
        high.adapt(dhigh, ihigh)

        const at = 2 * index
        x[at + 2 * half - 2] = rlow + rhigh
        x[at + 2 * half - 1] = rlow - rhigh
        let first = 0
        let second = 0
        for (let i = 0; i < half; i++) {
          second += x[at + 2 * i]! * qmfTaps[i]!
          first += x[at + 2 * i + 1]! * qmfTaps[half - 1 - i]!
        }
        samples[at] = saturate(first >> 11)
        samples[at + 1] = saturate(second >> 11)
      }
      x.copyWithin(0, 2 * codes.length, 2 * codes.length + 2 * half - 2)
    },
  }
}
