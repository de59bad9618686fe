// Requests to the API, with the token, if the server asks for one.

const TOKEN = "pbrealm-token";
const PAGE = 1000;

// What the server, or the way to it, says against a request; its message is one sentence.
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  #askToken;
  #asking = null;

  // askToken(why) shows a form, and returns a promise of the token.
  constructor(askToken) {
    this.#askToken = askToken;
  }

  async get(path, signal) {
    return (await this.#request("GET", path, undefined, signal)).json();
  }

  async send(method, path, body) {
    return (await this.#request(method, path, body)).json();
  }

  // All rows of a list that comes in pages, up to a number.
  async list(path, name, most = Infinity) {
    const rows = [];
    let cursor = null;
    do {
      const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
      const page = await this.get(`${path}?${query}`);
      rows.push(...page[name]);
      cursor = page.next;
    } while (cursor !== null && rows.length < most);
    return rows;
  }

  async stream(path, signal) {
    const response = await this.#request("GET", path, undefined, signal);
    return response.body.pipeThrough(new TextDecoderStream());
  }

  async #request(method, path, body, signal) {
    for (;;) {
      const token = sessionStorage.getItem(TOKEN);
      const response = await this.#fetch(method, path, body, token, signal);
      if (response.ok) return response;
      const why = await problem(response);
      if (response.status !== 401) throw new ApiError(response.status, why);
      // Another request may have asked for the token meanwhile.
      if (token === sessionStorage.getItem(TOKEN)) await this.#renewToken(token && why);
    }
  }

  async #fetch(method, path, body, token, signal) {
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await fetch(path, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "omit",
        redirect: "error",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(0, "the server can't be reached");
    }
  }

  #renewToken(why) {
    this.#asking ??= this.#askToken(why).then((token) => {
      sessionStorage.setItem(TOKEN, token);
      this.#asking = null;
    });
    return this.#asking;
  }
}

async function problem(response) {
  try {
    return (await response.json()).detail;
  } catch {
    return `the server answers with ${response.status}`;
  }
}
