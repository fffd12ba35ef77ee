// Search in a site that is opened from a folder. Browsers refuse workers of pages with the scheme file:, so the
// theme's search worker runs in a hidden frame instead. Served by a web server, the page keeps its real worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const inside = frame.contentWindow
      inside.postMessage = (data) => this.#receive(data)
      inside.importScripts = (...urls) => Promise.all(urls.map((script) => load(inside.document, script)))
      this.#frame = frame
      this.#isLoaded = load(inside.document, url)
    }

    async postMessage(data) {
      await this.#isLoaded
      const inside = this.#frame.contentWindow
      inside.dispatchEvent(new inside.MessageEvent("message", { data }))
    }

    terminate() {
      this.#frame.remove()
    }

    #receive(data) {
      const event = new MessageEvent("message", { data })
      this.dispatchEvent(event)
      this.onmessage?.(event)
    }

    #frame
    #isLoaded
  }

  function load(page, url) {
    return new Promise((loaded, failed) => {
      const script = page.createElement("script")
      script.src = url
      script.onload = loaded
      script.onerror = failed
      page.body.append(script)
    })
  }
}
