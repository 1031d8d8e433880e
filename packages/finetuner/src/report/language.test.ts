/** Which languages are certain. The sentences are our own. */

import { expect, test } from 'vitest';

import { languageOf } from './language.ts';

test.each<[string | undefined, string, string[]]>([
  ['zh', 'Chinese', ['今天天气很好', '他明天去北京开会', '怎么安装这个软件?']],
  ['zh', 'Chinese with terms in Latin letters', ['用 Python 写一个排序程序', 'iPhone 的屏幕坏了怎么办']],
  ['ja', 'Japanese', ['今日は天気がいいです', '明日東京へ行きます']],
  ['ko', 'Korean', ['오늘은 날씨가 좋습니다', '내일 서울에 갑니다']],
  ['en', 'English', ['the weather is good today', 'how do I install the program?', 'a man in the street']],
  [undefined, 'German', ['das Wetter ist heute gut', 'wie installiere ich das Programm?']],
  [undefined, 'French', ['il fait beau aujourd’hui', 'comment installer le programme ?']],
  [undefined, 'Dutch', ['de man was hier en is weg', 'het weer is goed']],
  [undefined, 'Russian or another of its script', ['сегодня хорошая погода']],
  [undefined, 'words alone', ['cat', 'dog', 'mat']],
  [undefined, 'Chinese and English', ['今天天气很好', 'the weather is good today']],
  [undefined, 'Chinese characters beside kana', [...Array.from({ length: 30 }, () => '東京'), '東京へ']],
  [undefined, 'numbers', ['123', '4.5']],
  [undefined, 'nothing', []],
])('%s: %s', (language, _, texts) => {
  expect(languageOf(texts)).toBe(language);
});
