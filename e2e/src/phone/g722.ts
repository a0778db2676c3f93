// The lower band of ITU-T G.722, which is all that a phone hears and says that works at 8 kHz: 6 of the 8 bits, by adaptive
// prediction. The higher band is left out when listening, and kept next to silent when speaking.

const quantum6 = [0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023]
quantum6.push(1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919)
const inverse6 = [24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000]
inverse6.push(5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136)
const inverse4 = [20456, 12896, 8968, 6288, 4240, 2584, 1200, 0]
const logSteps = [3042, 1198, 538, 334, 172, 58, -30, -60]

const limit = (value: number, most = 32_767, least = -most - 1) => Math.max(least, Math.min(most, value))

/** What a code of 6 bits says: the sign, how many of 30 levels from the top, and the same in 4 bits. */
function meaning(code: number) {
  const negative = code < 32
  const four = (code >> 2) & 7
  // The first four codes of the negative half are not used by any encoder; the last two are its smallest levels.
  const level = negative ? (code < 4 ? 29 : code - 4) : code - 32
  if (code >= 62) return { sign: -1, level: code === 62 ? 28 : 29, four: 7 }
  return { sign: negative ? -1 : 1, level, four: negative ? four - 1 : four }
}

function predictor() {
  const differences = [0, 0, 0, 0, 0, 0]
  const zeros = [0, 0, 0, 0, 0, 0]
  const signals = [0, 0]
  const partials = [0, 0]
  const poles = [0, 0]
  let logScale = 0
  let byZeros = 0
  const state = {
    predicted: 0,
    scale: 32,
    learn(four: number, sign: number) {
      const difference = (state.scale * sign * (four < 0 ? 0 : inverse4[four]!)) >> 15
      logScale = limit(((logScale * 127) >> 7) + logSteps[four < 0 ? 7 : four]!, 18_432, 0)
      const exponent = 8 - (logScale >> 11)
      const mantissa = powers[(logScale >> 6) & 31]!
      state.scale = (exponent < 0 ? mantissa << -exponent : mantissa >> exponent) << 2

      const partial = limit(byZeros + difference)
      const same = partials.map((before) => before >> 15 === partial >> 15)
      const turned = limit((same[0] ? -1 : 1) * limit(poles[0]! << 2), 32_767)
      const second = limit((same[1] ? 128 : -128) + (turned >> 7) + ((poles[1]! * 32_512) >> 15), 12_288, -12_288)
      const most = limit(15_360 - second)
      const first = limit((same[0] ? 192 : -192) + ((poles[0]! * 32_640) >> 15))
      poles[0] = limit(first, most, -most)
      poles[1] = second

      for (let i = 0; i < 6; i++) {
        const step = difference === 0 ? 0 : differences[i]! >> 15 === difference >> 15 ? 128 : -128
        zeros[i] = limit(step + ((zeros[i]! * 32_640) >> 15))
      }
      signals.unshift(limit(state.predicted + difference))
      partials.unshift(partial)
      differences.unshift(difference)
      for (const list of [signals, partials, differences]) list.pop()
      byZeros = limit(zeros.reduce((sum, zero, i) => sum + ((zero * limit(differences[i]! << 1)) >> 15), 0))
      const byPoles = poles.reduce((sum, pole, i) => sum + ((pole * limit(signals[i]! << 1)) >> 15), 0)
      state.predicted = limit(limit(byPoles) + byZeros)
    },
  }
  return state
}

const powers = Array.from({ length: 32 }, (_, i) => Math.round(2048 * 2 ** (i / 32)))

export function g722() {
  const speaking = predictor()
  const hearing = predictor()
  return {
    /** 8 kHz samples → RTP payload, one byte each. */
    encode(samples: Int16Array): Buffer {
      return Buffer.from(
        Array.from(samples, (sample, index) => {
          const error = limit((sample >> 1) - speaking.predicted)
          const size = error < 0 ? ~error : error
          let level = 1
          while (level < 30 && size >= (quantum6[level]! * speaking.scale) >> 12) level++
          const code = error < 0 ? (level < 3 ? 64 - level : 34 - level) : 62 - level
          const { four, sign } = meaning(code)
          speaking.learn(four, sign)
          return (index % 2 ? 0xc0 : 0x40) | code
        }),
      )
    },
    /** RTP payload → 8 kHz samples. */
    decode(payload: Uint8Array): Int16Array {
      return Int16Array.from(payload, (byte) => {
        const { sign, level, four } = meaning(byte & 0x3f)
        const low = limit(hearing.predicted + ((hearing.scale * sign * inverse6[level]!) >> 15), 16_383)
        hearing.learn(four, sign)
        return limit(2 * low)
      })
    },
  }
}
