import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UserError } from "../../core/host/errors.ts";
import { obtain } from "../../data/obtain.ts";
import { inFolder } from "../cli/_run.ts";
import {
  type Answer,
  breakingOff,
  GOOD,
  IMPATIENT,
  pack,
  type Packed,
  type Server,
  serving,
  sha256,
  silent,
  slowly,
  stalling,
  status,
  TEST,
  TRAIN,
  well,
  withoutRange,
} from "./_archive_server.ts";

const good = await pack(GOOD);
const HALF = Math.floor(good.bytes.length / 2);

interface Trial {
  readonly parent: string;
  readonly server: Server;
  readonly lines: string[];
  readonly reports: [string, number][];
  /** obtain(), with what this trial has. */
  get(signal?: AbortSignal): Promise<string>;
}

/** Runs `body` with a server that answers so, and an empty folder for the data. */
async function trial(answers: readonly Answer[], body: (trial: Trial) => Promise<void>, packed: Packed = good) {
  await serving(packed.bytes, answers, (server) =>
    inFolder(async (parent) => {
      const lines: string[] = [], reports: [string, number][] = [];
      const get = (signal = new AbortController().signal) =>
        obtain(packed.archive, parent, {
          server: server.address,
          patience: IMPATIENT,
          signal,
          report: (message, done) => reports.push([message, done]),
          line: (text) => lines.push(text),
        });
      await body({ parent, server, lines, reports, get });
    }));
}

/** The byte from which each request wants the file; what was under way when a connection ended may be lost. */
const startsOf = ({ ranges }: Server) => ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0));

/** All files are there, and nothing else is. */
function complete(parent: string, folder: string): void {
  assert.is(folder, `${parent}/tiny-bin`);
  assert.equal(readdirSync(parent), ["tiny-bin"]);
  assert.equal(readdirSync(folder).sort(), ["names.txt", "test.bin", "train.bin"]);
  assert.ok(readFileSync(`${folder}/train.bin`).equals(TRAIN));
  assert.ok(readFileSync(`${folder}/test.bin`).equals(TEST));
  assert.is(readFileSync(`${folder}/names.txt`, "utf8"), "cat\ndog\n");
}

/** The message of the UserError that it fails with, which must be one line; no data folder may be there. */
async function failure(parent: string, promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  assert.instance(error, UserError, String((error as Error | null)?.stack));
  const { message } = error as UserError;
  assert.not.match(message, "\n");
  assert.equal(readdirSync(parent).filter((name) => name !== "tiny.tar.gz.part"), []);
  return message;
}

test("downloads, checks and unpacks once; says what, how much, from where and where to", () =>
  trial([well], async ({ parent, server, lines, reports, get }) => {
    complete(parent, await get());
    assert.equal(server.paths, ["/data/tiny.tar.gz"]);
    assert.is(lines.length, 1);
    for (const part of ["Tiny", `${parent}/tiny-bin`, `${server.address}/tiny.tar.gz`, "0.251 MB"]) {
      assert.ok(lines[0]!.includes(part), lines[0]);
    }
    const shares = reports.filter(([message]) => message === "Downloading Tiny").map(([, done]) => done);
    assert.equal(shares, [...shares].sort((a, b) => a - b));
    assert.is(shares.at(-1), 1);
    await get();
    assert.is(server.ranges.length, 1);
  }));

test("goes on where the connection broke off, also at the next start", () =>
  trial([breakingOff(HALF), breakingOff(1000), well], async ({ parent, server, lines, get }) => {
    complete(parent, await get());
    const starts = startsOf(server);
    assert.is(starts.length, 3);
    assert.ok(starts[0] === 0 && starts[1]! > 0 && starts[2]! > starts[1]!, String(starts));
    assert.match(lines.join("\n"), /failed, .*: trying again in 0.01 s/);
  }).then(() =>
    trial([breakingOff(HALF), status(503), status(503), well], async ({ parent, server, lines, get }) => {
      assert.match(await failure(parent, get()), /^Cannot download http:.*: the server answers 503 /);
      const part = readFileSync(`${parent}/tiny.tar.gz.part`);
      assert.ok(part.length > 0 && part.equals(good.bytes.subarray(0, part.length)));
      complete(parent, await get());
      assert.is(server.ranges.at(-1), `bytes=${part.length}-`);
      assert.match(lines.at(-1)!, /of which 0\.\d+ MB are there/);
    })
  ));

test("starts over where the server does not continue, or continues elsewhere", async () => {
  await trial([breakingOff(HALF), withoutRange], async ({ parent, server, get }) => {
    complete(parent, await get());
    assert.is(server.ranges.length, 2);
  });
  const elsewhere: Answer = (response, bytes) =>
    response.writeHead(206, { "content-range": `bytes 7-${bytes.length - 1}/${bytes.length}` }).end(bytes.subarray(7));
  await trial([breakingOff(HALF), elsewhere, well], async ({ parent, server, get }) => {
    complete(parent, await get());
    assert.is(server.ranges.at(-1), "");
  });
  await trial([breakingOff(HALF), status(416), well], async ({ parent, server, get }) => {
    complete(parent, await get());
    assert.is(server.ranges.at(-1), "");
  });
});

test("a connection that stalls is broken and taken up again; one that never answers is given up", async () => {
  await trial([stalling(HALF), well], async ({ parent, server, lines, get }) => {
    complete(parent, await get());
    assert.equal(server.ranges, ["", `bytes=${HALF}-`]);
    assert.match(lines.join("\n"), "no byte came for 1 s");
  });
  await trial([silent], async ({ parent, server, get }) => {
    assert.match(await failure(parent, get()), /no byte came for 1 s; try again later, or .* name their folder$/);
    assert.is(server.ranges.length, 1 + IMPATIENT.retries);
  });
});

test("slow is not stalled", () =>
  trial([slowly(HALF / 4, 150)], async ({ parent, server, get }) => {
    complete(parent, await get());
    assert.is(server.ranges.length, 1);
  }));

test("wrong bytes are never unpacked: both checksums are named, and the file is gone", async () => {
  const wrong = Uint8Array.from(good.bytes);
  wrong[HALF]! ^= 1;
  const lying: Answer = (response, _, start) => well(response, wrong, start, response.req);
  await trial([lying], async ({ parent, server, get }) => {
    const message = await failure(parent, get());
    assert.match(message, sha256(wrong));
    assert.match(message, good.archive.sha256);
    assert.equal(readdirSync(parent), []);
    assert.is(server.ranges.length, 1);
  });
  // A beginning from an earlier start is given up for a new one before the user hears of it.
  await trial([well], async ({ parent, server, lines, get }) => {
    writeFileSync(`${parent}/tiny.tar.gz.part`, wrong.subarray(0, HALF + 1));
    complete(parent, await get());
    assert.equal(server.ranges, [`bytes=${HALF + 1}-`, ""]);
    assert.match(lines.join("\n"), "from the start");
  });
  await trial([well], async ({ parent, server, get }) => {
    writeFileSync(`${parent}/tiny.tar.gz.part`, new Uint8Array(good.bytes.length + 1));
    complete(parent, await get());
    assert.equal(server.ranges, [""]);
  });
});

test("a file of another length is refused at once, one without end is cut", async () => {
  const short: Answer = (response, bytes) => response.writeHead(200, { "content-length": 9 }).end(bytes.subarray(0, 9));
  await trial([short], async ({ parent, server, get }) => {
    assert.match(await failure(parent, get()), `has 9 bytes under this address, expected ${good.bytes.length}`);
    assert.is(server.ranges.length, 1);
  });
  const endless: Answer = (response, bytes) => {
    const more = () => response.writable && response.write(bytes, more);
    more();
  };
  await trial([endless], async ({ parent, server, get }) => {
    assert.match(await failure(parent, get()), `has more than ${good.bytes.length} bytes`);
    assert.is(server.ranges.length, 1);
  });
  const cut: Answer = (response, bytes) => {
    response.write(bytes.subarray(0, 9)); // chunked, so the end looks like an end
    response.end();
  };
  await trial([cut], async ({ parent, get }) => {
    assert.match(await failure(parent, get()), `it broke off after 9 of ${good.bytes.length} bytes`);
  });
});

test("an error of the client is final, one of the server is tried again", async () => {
  for (const code of [403, 404]) {
    await trial([status(code)], async ({ parent, server, get }) => {
      const message = await failure(parent, get());
      for (
        const part of [`${server.address}/tiny.tar.gz`, `answers ${code}`, `${parent}/tiny-bin`, "name their folder"]
      ) {
        assert.ok(message.includes(part), message);
      }
      assert.is(server.ranges.length, 1);
    });
  }
  await trial([status(500), status(429), well], async ({ parent, get }) => complete(parent, await get()));
  await trial([status(500)], async ({ parent, server, get }) => {
    assert.match(await failure(parent, get()), "answers 500");
    assert.is(server.ranges.length, 1 + IMPATIENT.retries);
  });
});

test("the page of a network that wants a log-in does not replace what was downloaded", () => {
  const page: Answer = (response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>Log in</p>");
  return trial([page], async ({ parent, get }) => {
    writeFileSync(`${parent}/tiny.tar.gz.part`, good.bytes.subarray(0, HALF));
    assert.match(await failure(parent, get()), "a web page came instead");
    assert.is(readFileSync(`${parent}/tiny.tar.gz.part`).length, HALF);
  });
});

test("without a network, or with a wrong address, one line says what to do", () =>
  inFolder(async (parent) => {
    const get = (server: string) =>
      obtain(good.archive, parent, {
        server,
        patience: IMPATIENT,
        signal: new AbortController().signal,
        report() {},
        line() {},
      });
    let closed = "";
    await serving(good.bytes, [well], ({ address }) => Promise.resolve(void (closed = address)));
    const message = await failure(parent, get(closed));
    assert.ok(message.startsWith(`Cannot download ${closed}/tiny.tar.gz: `), message);
    assert.match(message, /refused.*tiny-bin" or name their folder$/i);
    for (const wrong of ["nowhere", "ftp://host/", "http://"]) {
      assert.match(await failure(parent, get(wrong)), `from "${wrong}": ALLCNN_MIRROR must be an address`);
    }
  }));

test("a disk without room is told before anything is downloaded", () => {
  const huge = { ...good, archive: { ...good.archive, bytes: 1e18 } };
  return trial([well], async ({ parent, server, get }) => {
    assert.match(await failure(parent, get()), /takes 1000000000000 MB there, \d+ MB are free.*ALLCNN_CACHE/);
    assert.is(server.ranges.length, 0);
  }, huge);
});

test("an abort ends it, and the next start goes on", () =>
  trial([stalling(HALF), well], async ({ parent, server, reports, get }) => {
    const stop = new AbortController();
    const running = get(stop.signal).then(() => "done", () => "stopped");
    while (!reports.some(([, done]) => done > 0)) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    assert.is(await running, "stopped");
    assert.equal(readdirSync(parent), ["tiny.tar.gz.part"]); // the lock is gone
    complete(parent, await get());
    assert.match(server.ranges.at(-1)!, /^bytes=\d+-$/);
  }));

test("what is there already is left as it is", () =>
  trial([well], async ({ parent, server, get }) => {
    mkdirSync(`${parent}/tiny-bin`);
    assert.is(await get(), `${parent}/tiny-bin`);
    assert.is(server.ranges.length, 0);
  }));

test("remains of an unpacking that was killed are removed", () =>
  trial([well], async ({ parent, get }) => {
    for (const name of ["0123abcd", "mine"]) mkdirSync(`${parent}/tiny-bin.${name}.tmp`);
    writeFileSync(`${parent}/tiny-bin.0123abcd.tmp/train.bin`, "half");
    const folder = await get();
    assert.equal(readdirSync(parent), ["tiny-bin", "tiny-bin.mine.tmp"], "that of somebody else stays");
    rmSync(`${parent}/tiny-bin.mine.tmp`, { recursive: true });
    complete(parent, folder);
  }));

test.run();
