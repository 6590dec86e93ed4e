import { checkedApp } from '../checked-app.ts';
import { context } from '../context.ts';
import { expected, web } from '../web-service.ts';

const dockerfile = (from: string) => `${from}\nWORKDIR /app\nCOPY . .\nRUN npm ci\nCMD ["node", "server.js"]\n`;
const pinned = context('pinned', dockerfile('FROM --platform=linux/amd64 node:22'), { 'server.js': '' });
const argument = context('pinned-argument', dockerfile('ARG PLATFORM=linux/amd64\nFROM --platform=$PLATFORM node:22'));
const open = context('pinned-not', dockerfile('FROM node:22'), { 'server.js': '' });

export default checkedApp({
  title: 'a Dockerfile whose final stage is pinned to the other architecture',
  variants: {
    fails: {
      build: web({ directory: pinned, architecture: 'arm64' }),
      expect: expected('arm64', 'fails', 'dockerfile-platform-pinned'),
    },
    runs: { build: web({ directory: open, architecture: 'arm64' }), expect: expected('arm64', 'runs') },
    'fails by the default of an argument': {
      build: web({ directory: argument, architecture: 'arm64' }),
      expect: expected('arm64', 'fails', 'dockerfile-platform-pinned'),
    },
    'runs by a build argument': {
      build: web({ directory: argument, architecture: 'arm64', buildArgs: { PLATFORM: 'linux/arm64' } }),
      expect: expected('arm64', 'runs'),
    },
    'runs where the pin is right': {
      build: web({ directory: pinned, architecture: 'amd64' }),
      expect: expected('amd64', 'runs'),
    },
    'runs where the pin decides what the asset leaves open': {
      build: web({ directory: pinned, architecture: 'amd64', platform: false }),
      expect: expected('amd64', 'runs'),
    },
    'fails where the pin decides what the asset leaves open': {
      build: web({ directory: pinned, architecture: 'arm64', platform: false }),
      expect: expected('arm64', 'fails', 'dockerfile-platform-pinned'),
    },
  },
});
