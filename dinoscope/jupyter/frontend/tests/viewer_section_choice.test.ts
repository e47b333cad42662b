import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { SectionChoice } from "../viewer/section_choice";

let choice: SectionChoice;

beforeEach(() => {
  choice = new SectionChoice();
  choice.confirm(3, 10);
});

test("what is chosen is shown at once", () => {
  assert.ok(choice.choose(5));
  assert.equal(choice.current, 5);
  assert.ok(!choice.choose(5), "nothing new");
});

test("sections are clipped to those there are", () => {
  choice.choose(99);
  assert.equal(choice.current, 9);
  choice.choose(-1);
  assert.equal(choice.current, 0);
});

test("sections that the kernel passes on its way do not move the slider back", () => {
  choice.choose(6);
  choice.confirm(4, 10);
  assert.equal(choice.current, 6);
  choice.confirm(6, 10);
  choice.confirm(2, 10);
  assert.equal(choice.current, 2, "the kernel moves on by itself");
});

test("what the kernel does not come to is given up", () => {
  choice.choose(6);
  choice.settle();
  assert.equal(choice.current, 3);
});

test("another stack begins anew", () => {
  choice.choose(6);
  choice.confirm(0, 4);
  assert.equal(choice.current, 0);
  assert.equal(choice.sections, 4);
});
