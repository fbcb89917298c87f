import { randomNumbers } from "../random.ts";
import { shuffle } from "./linear-model.ts";

/**
 * A class as a handful of places in the space of embeddings, each standing for so many of its rows: a kernel density
 * estimate over k-means centres. It holds what a class is made of where one plane between classes cannot, works from a
 * few rows on, and tells how far a text is from everything that was learnt.
 */
export interface Prototypes {
  classes: number;
  dimensions: number;
  /** Unit vectors one after the other, in 127ths. */
  centres: Int8Array;
  /** Of each centre: its class, and how many rows it stands for. */
  owners: Uint16Array;
  counts: Float32Array;
}

export interface PlacedRow {
  /** Unit length. */
  embedding: Float32Array;
  target: number;
  weight: number;
}

/** Width of the kernel, as a difference of cosines. */
const WIDTH = 0.06;
/** Density where there is nothing near, so that a logarithm exists and far places look alike. */
const FLOOR = 1e-6;
const ITERATIONS = 8;

/** @param perClass the most centres of one class */
export function findPrototypes(
  rows: readonly PlacedRow[],
  {
    classes,
    dimensions,
    perClass,
    seed,
  }: { classes: number; dimensions: number; perClass: number; seed: number },
): Prototypes {
  const random = randomNumbers(seed);
  const found = Array.from({ length: classes }, (_, owner) => {
    const own = rows.filter(({ target }) => target === owner);
    return clusters(own, dimensions, perClass, random).map((cluster) => ({ ...cluster, owner }));
  }).flat();
  const none: Prototypes = {
    classes,
    dimensions,
    centres: new Int8Array(),
    owners: new Uint16Array(),
    counts: new Float32Array(),
  };
  return addPrototypes(
    none,
    found.map(({ centre, count, owner }) => ({ embedding: centre, target: owner, weight: count })),
  );
}

/** The same with further places, each of which stands for itself. */
export function addPrototypes(prototypes: Prototypes, places: readonly PlacedRow[]): Prototypes {
  const { dimensions, centres, owners, counts } = prototypes;
  const more = new Int8Array(centres.length + places.length * dimensions);
  more.set(centres);
  for (const [at, { embedding }] of places.entries())
    embedding.forEach((value, i) => {
      more[centres.length + at * dimensions + i] = Math.round(127 * value);
    });
  return {
    ...prototypes,
    centres: more,
    owners: Uint16Array.from([...owners, ...places.map(({ target }) => target)]),
    counts: Float32Array.from([...counts, ...places.map(({ weight }) => weight)]),
  };
}

interface Cluster {
  centre: Float32Array;
  count: number;
}

/** Spherical k-means (Dhillon and Modha 2001). */
function clusters(rows: PlacedRow[], dimensions: number, most: number, random: () => number): Cluster[] {
  const order = rows.slice();
  shuffle(order, random);
  let centres = order.slice(0, most).map(({ embedding }) => embedding);
  if (rows.length <= most)
    return order.map(({ embedding, weight }) => ({ centre: embedding, count: weight }));
  let found: Cluster[] = [];
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const sums = centres.map(() => ({ sum: new Float32Array(dimensions), count: 0 }));
    for (const { embedding, weight } of rows) {
      const nearest = sums[nearestOf(centres, embedding)];
      if (!nearest) continue;
      nearest.count += weight;
      for (let i = 0; i < dimensions; i++)
        nearest.sum[i] = (nearest.sum[i] as number) + weight * (embedding[i] as number);
    }
    found = sums.filter(({ count }) => count > 0).map(({ sum, count }) => ({ centre: unit(sum), count }));
    centres = found.map(({ centre }) => centre);
  }
  return found;
}

function nearestOf(centres: readonly Float32Array[], embedding: Float32Array): number {
  let [best, highest] = [0, Number.NEGATIVE_INFINITY];
  for (const [at, centre] of centres.entries()) {
    let dot = 0;
    for (let i = 0; i < embedding.length; i++) dot += (centre[i] as number) * (embedding[i] as number);
    if (dot > highest) [best, highest] = [at, dot];
  }
  return best;
}

/** Of each class the logarithm of its density at a place. */
export function densityScores(
  { classes, dimensions, centres, owners, counts }: Prototypes,
  embedding: Float32Array,
): Float64Array {
  const densities = new Float64Array(classes).fill(FLOOR);
  for (let at = 0; at < owners.length; at++) {
    let dot = 0;
    const from = at * dimensions;
    for (let i = 0; i < dimensions; i++) dot += (centres[from + i] as number) * (embedding[i] as number);
    const owner = owners[at] as number;
    densities[owner] =
      (densities[owner] as number) + (counts[at] as number) * Math.exp((dot / 127 - 1) / WIDTH);
  }
  return densities.map(Math.log);
}

export function unit(vector: Float32Array): Float32Array {
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.sqrt(square) || 1;
  return vector.map((value) => value / length);
}
