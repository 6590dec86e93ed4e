import { program } from '../archive.ts';
import { checkedApp } from '../checked-app.ts';
import { context } from '../context.ts';
import { expected, web } from '../web-service.ts';

const dockerfile = 'FROM debian:12-slim\nCOPY server /server\nENTRYPOINT ["/server"]\n';
const holding = (architecture: 'amd64' | 'arm64') =>
  context(`copied-${architecture}`, dockerfile, { server: program(architecture) });

export default checkedApp({
  title: 'a program that was built elsewhere, copied into the image and started',
  variants: {
    fails: {
      build: web({ directory: holding('arm64'), architecture: 'amd64' }),
      expect: expected('amd64', 'fails', 'copied-binary-foreign'),
    },
    runs: { build: web({ directory: holding('amd64'), architecture: 'amd64' }), expect: expected('amd64', 'runs') },
    'fails for arm64': {
      build: web({ directory: holding('amd64'), architecture: 'arm64' }),
      expect: expected('arm64', 'fails', 'copied-binary-foreign'),
    },
    'runs for arm64': {
      build: web({ directory: holding('arm64'), architecture: 'arm64' }),
      expect: expected('arm64', 'runs'),
    },
    'is at risk where the task starts something else': {
      build: web({ directory: holding('arm64'), architecture: 'amd64', container: { entryPoint: ['sleep', '1'] } }),
      expect: expected('amd64', 'at-risk', 'copied-binary-foreign'),
    },
  },
});
