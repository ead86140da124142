/** Standard output or error of a command: written in pieces, never faster than the reader takes them. */
export class Output {
  private readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  private pending = "";
  private broken = false;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.stream = stream;
    // A reader that has seen enough (`| head`) is no error.
    stream.on("error", () => {
      this.broken = true;
    });
  }

  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  /** True once nobody reads any more. */
  get closed(): boolean {
    return this.broken;
  }

  /** Resolves when more may be written. */
  async write(text: string): Promise<void> {
    this.pending += text;
    if (this.pending.length >= PIECE_CHARACTERS) await this.flush();
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  async bytes(content: Uint8Array): Promise<void> {
    await this.flush();
    await this.hand(content);
  }

  /** Resolves when everything is with the reader. */
  async flush(): Promise<void> {
    const text = this.pending;
    this.pending = "";
    if (text !== "") await this.hand(text);
  }

  private async hand(content: string | Uint8Array): Promise<void> {
    if (this.broken) return;
    await new Promise<void>((resolve) => {
      this.stream.write(content, () => resolve());
    });
  }
}

const PIECE_CHARACTERS = 64 * 1024;
