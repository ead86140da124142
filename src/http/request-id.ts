import { randomWords } from "../base/random.js";
import type { HeaderList } from "./transport.js";

/** What a client may call its request: anything else could forge a log line. */
const SENT = /^[\w.:+/=@-]{1,128}$/;

const [word] = randomWords();
const PREFIX = word.toString(36);
let made = 0;

/**
 * The name of one request in its answer, in log lines and in the ledger of refusals. It costs a header look-up until
 * somebody asks for it: an id is made only then.
 */
export class RequestId {
  private id: string;

  /** `sent`: the header X-Request-Id, "" where there is none. */
  constructor(sent: string) {
    this.id = sent !== "" && SENT.test(sent) ? sent : "";
  }

  get value(): string {
    if (this.id === "") this.id = `${PREFIX}-${(++made).toString(36)}`;
    return this.id;
  }

  /** For the answer: given where the client named its request, somebody asked, or the answer is an error. */
  header(status: number): HeaderList {
    return this.id === "" && status < 400 ? NONE : ["X-Request-Id", this.value];
  }
}

const NONE: HeaderList = [];
