// The core for Node.js. The functions take and give JSON text; see index.d.ts.
module.exports = require('./ecs-arch.node');
