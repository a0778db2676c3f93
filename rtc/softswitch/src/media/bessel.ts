/** Zeroth modified Bessel function of the first kind, as a power series: Kaiser's windows are made of it. */
export function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}
