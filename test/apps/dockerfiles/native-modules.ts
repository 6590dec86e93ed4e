import { program } from '../archive.ts';
import { checkedApp } from '../checked-app.ts';
import { context } from '../context.ts';
import { expected, web } from '../web-service.ts';

const dockerfile =
  'FROM node:22\nWORKDIR /app\nCOPY package.json ./\nRUN npm ci\nCOPY . .\nCMD ["node", "server.js"]\n';
const files = { 'package.json': '{}', 'node_modules/bcrypt/lib/bcrypt.node': program('arm64') };

export default checkedApp({
  title: "the laptop's node_modules over those of the image",
  variants: {
    fails: {
      build: web({ directory: context('modules', dockerfile, files), architecture: 'amd64' }),
      expect: expected('amd64', 'at-risk', 'native-modules-copied'),
    },
    runs: {
      build: web({
        directory: context('modules-ignored', dockerfile, { ...files, '.dockerignore': 'node_modules\n' }),
        architecture: 'amd64',
      }),
      expect: expected('amd64', 'runs'),
    },
    'runs on the architecture that they are for': {
      build: web({ directory: context('modules', dockerfile, files), architecture: 'arm64' }),
      expect: expected('arm64', 'runs'),
    },
  },
});
