import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** llama.cpp's own programs, built from the source that node-llama-cpp carries. */
export interface Peer {
  server: string;
  completion: string;
  bench: string;
}

const TARGETS = { server: "llama-server", completion: "llama-completion", bench: "llama-bench" };

const KERNELS = /^(lib)?ggml-cpu-.+\.(so|dll|dylib)$/;
const FLAGS = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF"];
/** CPU backends are loaded at run time, and named as node-llama-cpp's libraries are, which are loaded beside them. */
const LOADING_KERNELS = [
  "-DGGML_BACKEND_DL=ON",
  "-DGGML_NATIVE=OFF",
  "-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON",
];

/**
 * Builds once (some minutes) and keeps the result in the cache folder, by release. A build that was interrupted goes on.
 * Both sides compute with the same kernels, those that come with node-llama-cpp, so that the figures compare programs and
 * not compilers; GCC 12 also makes an AMX kernel that crashes (https://github.com/ggml-org/llama.cpp/issues/20824).
 * @throws {Error} that says what to install where a tool is missing
 */
export async function buildPeer(cacheDir: string, note: (line: string) => void): Promise<Peer> {
  const carried = fileURLToPath(new URL("../llama/", import.meta.resolve("node-llama-cpp")));
  const { tag } = JSON.parse(fs.readFileSync(path.join(carried, "llama.cpp.info.json"), "utf8"));
  const source = path.join(cacheDir, "peer", tag);
  const kernels = carriedKernels();
  const build = kernels.length > 0 ? "build-dl" : "build";
  const programIn = (name: string) => path.join(source, build, "bin", name);
  const peer: Peer = {
    server: programIn(TARGETS.server),
    completion: programIn(TARGETS.completion),
    bench: programIn(TARGETS.bench),
  };
  if (Object.values(peer).every((program) => fs.existsSync(program))) return peer;
  await requireTools();
  note(`building llama.cpp ${tag} (once; some minutes)`);
  if (!fs.existsSync(source)) await unpack(path.join(carried, "gitRelease.bundle"), source, note);
  // Before the programs, which say that everything is there: they take these rather than the plain one that is built.
  fs.mkdirSync(path.dirname(peer.server), { recursive: true });
  for (const file of kernels)
    fs.copyFileSync(file, path.join(path.dirname(peer.server), path.basename(file)));
  const flags = kernels.length > 0 ? [...FLAGS, ...LOADING_KERNELS] : FLAGS;
  const generator = (await answers("ninja")) ? ["-G", "Ninja"] : [];
  await run("cmake", ["-B", build, ...generator, ...flags], source, note);
  const targets = ["--target", ...Object.values(TARGETS)];
  await run("cmake", ["--build", build, "--parallel", ...targets], source, note);
  return peer;
}

/** node-llama-cpp's CPU backends, one for each kind of processor; none where it carries no such files. */
function carriedKernels(): string[] {
  const names: Partial<Record<NodeJS.Platform, string>> = { darwin: "mac", win32: "win" };
  const platform = `${names[process.platform] ?? process.platform}-${process.arch}`;
  const relative = `../../@node-llama-cpp/${platform}/bins/${platform}/`;
  const bins = fileURLToPath(new URL(relative, import.meta.resolve("node-llama-cpp")));
  if (!fs.existsSync(bins)) return [];
  const files = fs.readdirSync(bins).filter((name) => KERNELS.test(name));
  return files.map((name) => path.join(bins, name));
}

async function unpack(bundle: string, source: string, note: (line: string) => void): Promise<void> {
  const partial = `${source}.${process.pid}.partial`;
  fs.mkdirSync(path.dirname(source), { recursive: true });
  try {
    await run("git", ["clone", "--quiet", bundle, partial], path.dirname(source), note);
    fs.renameSync(partial, source);
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

async function requireTools(): Promise<void> {
  const needed = { git: ["git"], cmake: ["cmake"], "a C++ compiler": ["c++", "g++", "clang++"] };
  const missing: string[] = [];
  for (const [tool, commands] of Object.entries(needed)) {
    const found = await Promise.all(commands.map(answers));
    if (!found.includes(true)) missing.push(tool);
  }
  if (missing.length > 0)
    throw new Error(
      `llama.cpp cannot be built without ${missing.join(" and ")}. On Debian: apt install git cmake g++ ninja-build; on macOS: xcode-select --install && brew install cmake ninja.`,
    );
}

const answers = (command: string): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(command, ["--version"], { stdio: "ignore" });
    child.on("error", () => resolve(false)).on("exit", (code) => resolve(code === 0));
  });

/** Runs a step of the build and shows each tenth of its progress, which ninja writes as [3/250] and make as [ 12%]. */
async function run(
  command: string,
  args: string[],
  cwd: string,
  note: (line: string) => void,
): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill();
  process.once("exit", end);
  let tail = "";
  let tenth = 0;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-4_000);
      const done = Math.floor(shareIn(text) * 10);
      if (done > tenth) note(`building llama.cpp: ${done * 10}%`);
      tenth = Math.max(tenth, done);
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  process.off("exit", end);
  if (code !== 0) throw new Error(`${command} ${args[0]} failed:\n${tail.trim()}`);
}

function shareIn(text: string): number {
  const [, done, all] = /\[(\d+)\/(\d+)\]/.exec(text) ?? [];
  if (done && all) return Number(done) / Number(all);
  return Number(/\[ *(\d+)%\]/.exec(text)?.[1] ?? 0) / 100;
}
