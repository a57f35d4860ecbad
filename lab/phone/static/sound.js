// Gentle tones, made here, and the words of a call where the server has a voice; silent until asked for.

import { voice } from "./util.js";

const LOW = { 1: 697, 2: 697, 3: 697, 4: 770, 5: 770, 6: 770, 7: 852, 8: 852, 9: 852, "*": 941, 0: 941, "#": 941 };
const HIGH = { 1: 1209, 4: 1209, 7: 1209, "*": 1209, 2: 1336, 5: 1336, 8: 1336, 0: 1336, 3: 1477, 6: 1477, 9: 1477, "#": 1477 };
const LOUDNESS = 0.05;
const RING_MS = 3000;

let audio = null;
let speaking = Promise.resolve();
let quiet = () => {};
let ringing = null;

export function toggle() {
  if (audio) audio.close();
  audio = audio ? null : new AudioContext();
  if (!audio) {
    hush();
    silence();
  }
  return audio !== null;
}

function tone(frequencies, seconds, delay = 0) {
  if (!audio) return;
  const volume = audio.createGain();
  const begin = audio.currentTime + delay;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
  volume.gain.setValueAtTime(LOUDNESS, begin + seconds - 0.03);
  volume.gain.linearRampToValueAtTime(0, begin + seconds);
  volume.connect(audio.destination);
  for (const frequency of frequencies) {
    const wave = audio.createOscillator();
    wave.frequency.value = frequency;
    wave.connect(volume);
    wave.start(begin);
    wave.stop(begin + seconds);
  }
}

export const key = (name) => name in LOW && tone([LOW[name], HIGH[name]], 0.12);
export const message = () => [0, 0.16].forEach((delay, i) => tone([880 + 220 * i], 0.14, delay));

export function ring() {
  if (ringing) return;
  const once = () => [0, 0.25, 0.5].forEach((delay, i) => tone([523, 659, 784].slice(i, i + 1), 0.22, delay));
  once();
  ringing = setInterval(once, RING_MS);
}

export function hush() {
  clearInterval(ringing);
  ringing = null;
}

// Captions one after the other, until silence().
export function speak(captions) {
  if (!audio || !voice) return;
  let wanted = true;
  let player = null;
  const before = quiet;
  quiet = () => {
    before();
    wanted = false;
    player?.pause();
    player?.dispatchEvent(new Event("ended"));
  };
  for (const { text, language } of captions.filter((caption) => caption.language)) {
    speaking = speaking.then(() => wanted && new Promise((done) => {
      player = new Audio(`/phone/api/voice?${new URLSearchParams({ text, tag: language })}`);
      for (const event of ["ended", "error"]) player.addEventListener(event, done);
      player.play().catch(done);
    }));
  }
}

// A key or a hang-up interrupts what is being said.
export function silence() {
  quiet();
  quiet = () => {};
}
