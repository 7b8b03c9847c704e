export { OUTCOMES } from './base/journey.js';
