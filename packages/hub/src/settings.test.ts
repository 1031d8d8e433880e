import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { hubSettings } from './settings.ts';

const NAMES = [
  ...[
    'HF_ENDPOINT',
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HOME',
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
  ],
  ...['XDG_CACHE_HOME', 'HF_HUB_OFFLINE', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'],
];
const home = mkdtempSync(join(tmpdir(), 'uniem-home-'));
writeFileSync(join(home, 'token'), 'from-file\n');

function settingsWith(environment: Record<string, string>) {
  for (const name of NAMES) vi.stubEnv(name, environment[name]);
  return hubSettings();
}

afterEach(() => vi.unstubAllEnvs());

describe('hubSettings', () => {
  test('takes the environment of huggingface_hub', () => {
    const environment = {
      HF_ENDPOINT: 'http://mirror/',
      HF_TOKEN: ' secret ',
      HF_HUB_CACHE: '/c',
      HF_HUB_OFFLINE: 'YES',
    };
    expect(settingsWith(environment)).toMatchObject({
      endpoint: 'http://mirror',
      token: 'secret',
      cacheDir: '/c',
      offline: true,
    });
    expect(settingsWith({ HF_HOME: home })).toMatchObject({
      token: 'from-file',
      cacheDir: join(home, 'hub'),
      offline: false,
    });
    expect(settingsWith({ HF_TOKEN_PATH: join(home, 'token') }).token).toBe('from-file');
    expect(settingsWith({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token).toBeUndefined();
    expect(settingsWith({ HF_HOME: join(home, 'none'), HF_HUB_OFFLINE: '0' })).toMatchObject({
      token: undefined,
      offline: false,
    });
    rmSync(home, { recursive: true });
  });

  test('options come first', () => {
    settingsWith({ HF_TOKEN: 'environment', HF_ENDPOINT: 'http://a', HF_HUB_OFFLINE: '1' });
    const options = { token: 'own', endpoint: 'http://b/', offline: false, cacheDir: '/own' };
    expect(hubSettings(options)).toMatchObject({
      token: 'own',
      endpoint: 'http://b',
      offline: false,
      cacheDir: '/own',
    });
    expect(hubSettings({ token: false }).token).toBeUndefined();
  });
});
