import fc from 'fast-check'

// The same random cases on every machine, so that a red run can be repeated. FUZZ_SEED tries others: FUZZ_SEED=$RANDOM npm test
fc.configureGlobal({ seed: Number(process.env.FUZZ_SEED ?? 20_261_121) })
