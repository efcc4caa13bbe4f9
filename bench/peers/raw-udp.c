// raw-udp PORT: a UDP echo with nothing around it, as many datagrams a system call as there are. What is left is the kernel's.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 64, SIZE = 2048 };

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
    perror("raw-udp");
    return 1;
  }
  static char data[MOST][SIZE];
  static struct sockaddr_in from[MOST];
  static struct iovec parts[MOST];
  static struct mmsghdr messages[MOST];
  for (;;) {
    for (int i = 0; i < MOST; i++) {
      parts[i] = (struct iovec){data[i], SIZE};
      memset(&messages[i], 0, sizeof messages[i]);
      messages[i].msg_hdr.msg_name = &from[i];
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    int n = recvmmsg(fd, messages, MOST, 0, NULL);
    if (n < 0) {
      struct pollfd wait = {fd, POLLIN, 0};
      poll(&wait, 1, -1);
      continue;
    }
    for (int i = 0; i < n; i++) parts[i].iov_len = messages[i].msg_len;
    for (int done = 0; done < n;) {
      int sent = sendmmsg(fd, messages + done, n - done, 0);
      done += sent > 0 ? sent : 1;
    }
  }
}
