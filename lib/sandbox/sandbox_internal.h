/* Is this a build under a sanitizer, which needs more calls and more memory than the program itself? */
#ifndef HANDBACK_SANDBOX_SANDBOX_INTERNAL_H
#define HANDBACK_SANDBOX_SANDBOX_INTERNAL_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
