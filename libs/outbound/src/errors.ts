/** The guard does not let this request out; trying again changes nothing. */
export class OutboundRefused extends Error {
  override name = 'OutboundRefused'
}

/** The whole request, redirects included, took longer than it may. */
export class OutboundTimeout extends Error {
  override name = 'OutboundTimeout'
}

/** The answer is larger than it may be, as sent or once decompressed. */
export class OutboundTooLarge extends Error {
  override name = 'OutboundTooLarge'
}

/** The other side could not be reached or did not speak HTTP. */
export class OutboundFailed extends Error {
  override name = 'OutboundFailed'
}

/** A service of somebody else's has answered, and does not do it. */
export class ProviderRefused extends Error {
  override readonly name = 'ProviderRefused'
  /** Of its HTTP answer. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
