import { checkedApp } from '../checked-app.ts';
import { context } from '../context.ts';
import { expected, web } from '../web-service.ts';

const dockerfile =
  'FROM eclipse-temurin:21\nCOPY run.sh /run.sh\nENTRYPOINT ["/run.sh"]\nCMD ["java", "-jar", "/app.jar"]\n';
const script = (name: string, text: string) => context(`script-${name}`, dockerfile, { 'run.sh': Buffer.from(text) });
const right = script('right', '#!/bin/sh\nexec "$@"\n');

export default checkedApp({
  title: 'an entrypoint script that the kernel does not execute',
  variants: {
    fails: {
      build: web({ directory: script('bare', 'exec "$@"\n'), architecture: 'amd64' }),
      expect: expected('amd64', 'fails', 'script-missing-shebang'),
    },
    runs: { build: web({ directory: right, architecture: 'amd64' }), expect: expected('amd64', 'runs') },
    'fails for arm64 with carriage returns': {
      build: web({ directory: script('crlf', '#!/bin/sh\r\nexec "$@"\r\n'), architecture: 'arm64' }),
      expect: expected('arm64', 'fails', 'script-carriage-return'),
    },
    'runs for arm64': { build: web({ directory: right, architecture: 'arm64' }), expect: expected('arm64', 'runs') },
    'fails with a byte order mark': {
      build: web({ directory: script('mark', '\ufeff#!/bin/sh\nexec "$@"\n'), architecture: 'amd64' }),
      expect: expected('amd64', 'fails', 'script-byte-order-mark'),
    },
    'fails as a pointer of Git LFS': {
      build: web({
        directory: script('lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
        architecture: 'amd64',
      }),
      expect: expected('amd64', 'fails', 'git-lfs-pointer-copied'),
    },
    'runs where the task names the shell': {
      build: web({
        directory: script('shell', 'exec "$@"\n'),
        architecture: 'amd64',
        container: { entryPoint: ['/bin/sh', '/run.sh'] },
      }),
      expect: expected('amd64', 'runs'),
    },
  },
});
