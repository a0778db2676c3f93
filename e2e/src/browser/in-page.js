// Runs in the page before its own script: a microphone that says one tone, and ears.
{
  const audio = new AudioContext()
  const oscillator = new OscillatorNode(audio, { frequency: window.microphoneHz })
  const microphone = new GainNode(audio, { gain: 0.3 })
  oscillator.connect(microphone)
  oscillator.start()
  navigator.mediaDevices.getUserMedia = async () => {
    const out = new MediaStreamAudioDestinationNode(audio)
    microphone.connect(out)
    return out.stream
  }

  const connections = []
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration)
      connections.push(this)
    }
  }

  const fftSize = 8192
  const hzPerBin = audio.sampleRate / fftSize
  const quietDb = -50
  let listening
  let analyser
  function spectrum() {
    const stream = document.getElementById('remote').srcObject
    if (!stream) return undefined
    if (stream !== listening) {
      listening = stream
      analyser = new AnalyserNode(audio, { fftSize, smoothingTimeConstant: 0 })
      new MediaStreamAudioSourceNode(audio, { mediaStream: stream }).connect(analyser)
    }
    const decibels = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(decibels)
    return decibels
  }

  /** The strongest frequency, 0 in silence. */
  window.heardHz = () => {
    const decibels = spectrum() ?? [quietDb]
    const best = decibels.indexOf(Math.max(...decibels))
    return decibels[best] > quietDb ? best * hzPerBin : 0
  }
  /** Whether all of these sound, and nothing is much louder. */
  window.hears = (frequencies) => {
    const decibels = spectrum()
    if (!decibels) return false
    const loudest = Math.max(...decibels)
    return frequencies.every((frequency) => {
      const at = Math.round(frequency / hzPerBin)
      const near = Math.max(...decibels.subarray(at - 2, at + 3))
      return near > quietDb && near > loudest - 12
    })
  }
  window.isSilent = () => {
    const decibels = spectrum()
    return decibels !== undefined && Math.max(...decibels) < quietDb
  }
  window.stats = async () => {
    const all = [...(await connections.at(-1).getStats()).values()]
    const one = (type) => all.find((stat) => stat.type === type) ?? {}
    const { codecId, packetsReceived, packetsLost } = one('inbound-rtp')
    return {
      dtlsState: one('transport').dtlsState,
      codec: all.find(({ id }) => id === codecId)?.mimeType,
      packetsSent: one('outbound-rtp').packetsSent,
      packetsReceived,
      packetsLost,
    }
  }
}
