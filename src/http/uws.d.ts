// The package is optional; src/http/uws-native.ts describes what of it is used.
declare module "uWebSockets.js";
