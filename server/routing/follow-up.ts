import { type Word, wordsOf } from "./features.ts";
import type { Turn } from "./turn.ts";

/** A longer turn says something of its own, whatever its words. */
const MAX_WORDS = 8;

const list = (words: string): string[] => words.split(/\s+/).filter(Boolean);

/** Words that say nothing about a subject: left out of reasons where others speak. */
const functionWords = new Set(
  list(`a an the i me my mine you your yours we us our he him his she her it its they them their this that these those
    is am are was were be been do does did have has had will would can could should may might must shall to of in on at
    by for with from about as into than and or but if so not no n't what which who whom whose when where why how there
    here i'm i've i'll i'd it's that's don't doesn't didn't isn't aren't can't won't you're what's im ive dont u ur s t`),
);

/** Words of assent, thanks and "go on", in a few languages. */
const followUpWords = new Set(
  list(`yes yeah yep yup no nope nah ok okay k sure right alright fine good great nice cool perfect please pls thanks
    thank thx cheers go on continue carry more else then next again another one ones other first second third last and
    also too really maybe explain say mean tell me further why sounds got hm hmm mhm oh ah ha haha lol well hello hi hey
    still just same way example examples exactly correct true that's it all any everything nothing now today appreciate help bye goodbye later wonderful awesome
    excellent lovely lot bunch needed wanted much done enough helpful welcome bit day that'll some work worked works did tried try
    ja nein bitte danke weiter oui non merci si sí gracias por favor ok`),
);

export const isFunctionWord = (word: string): boolean => functionWords.has(word);

/**
 * Whether a turn makes sense only after the one before ("yes please", "and then?", "thanks, go on", "2", a thumb up):
 * short, and no word in it names a subject.
 */
export function isContentless(words: readonly Word[]): boolean {
  return words.length <= MAX_WORDS && words.every(({ key }) => isEmpty(key));
}

/** The latest turn that says what it is about, by itself: "yes please" is as sure as what it answers to. */
export function lastWithSubject({ text, before }: Turn): Turn {
  const earlier = before?.earlier ?? [];
  const at = earlier.findLastIndex((said) => !isContentless(wordsOf(said)));
  return { text: earlier[at] ?? text, before: null };
}

const isEmpty = (key: string): boolean =>
  functionWords.has(key) ||
  followUpWords.has(key) ||
  /^(#number|#code|#percent|\p{Extended_Pictographic})$/u.test(key);
