import { checkedApp } from '../checked-app.ts';
import { context } from '../context.ts';
import { expected, web } from '../web-service.ts';

const built = (from: string, compile: string) =>
  `${from} AS build\n${compile}\nFROM alpine:3.20 AS prod\nCOPY --from=build /app /app\nENTRYPOINT ["/app"]\n`;
const cross = context(
  'stages-cross',
  built('FROM --platform=$BUILDPLATFORM golang', 'ARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /app .'),
);
const constant = context('stages-constant', built('FROM golang', 'RUN GOARCH=amd64 go build -o /app .'));
const host = context('stages-host', 'FROM --platform=$BUILDPLATFORM node:22\nCMD ["node", "."]\n');
const download = context(
  'stages-download',
  'FROM debian\nADD https://github.com/krallin/tini/releases/download/v0.19.0/tini-amd64 /tini\nENTRYPOINT ["/tini"]\n',
);
const base = context('stages-base', 'FROM amd64/node:22\nCMD ["node", "."]\n');

export default checkedApp({
  title: 'stages that build, download or start from what is for another architecture',
  variants: {
    fails: {
      build: web({ directory: base, architecture: 'arm64' }),
      expect: expected('arm64', 'fails', 'base-image-single-architecture'),
    },
    runs: { build: web({ directory: cross, architecture: 'arm64' }), expect: expected('arm64', 'runs') },
    'runs for amd64': {
      build: web({ directory: cross, architecture: 'amd64', target: 'prod' }),
      expect: expected('amd64', 'runs'),
    },
    'is at risk by a constant GOARCH': {
      build: web({ directory: constant, architecture: 'arm64' }),
      expect: expected('arm64', 'at-risk', 'dockerfile-foreign-target'),
    },
    'runs with a constant GOARCH that fits': {
      build: web({ directory: constant, architecture: 'amd64' }),
      expect: expected('amd64', 'runs'),
    },
    'is at risk by a download': {
      build: web({ directory: download, architecture: 'arm64' }),
      expect: expected('arm64', 'at-risk', 'dockerfile-foreign-download'),
    },
    'runs with a download that fits': {
      build: web({ directory: download, architecture: 'amd64' }),
      expect: expected('amd64', 'runs'),
    },
    'is at risk by a final stage for the build host': {
      build: web({ directory: host, architecture: 'amd64' }),
      expect: expected('amd64', 'at-risk', 'dockerfile-final-stage-on-build-platform'),
    },
    'fails without the stage that it names': {
      build: web({ directory: cross, architecture: 'amd64', target: 'production' }),
      expect: expected('amd64', 'fails', 'dockerfile-invalid'),
    },
    'runs from a file of another name': {
      build: web({
        directory: context('stages-file', 'FROM --platform=linux/arm64 a\n', {
          'docker/web.Dockerfile': 'FROM node\nCMD ["node"]\n',
        }),
        architecture: 'amd64',
        file: 'docker/web.Dockerfile',
      }),
      expect: expected('amd64', 'runs'),
    },
  },
});
