/* Stands in for QMT's client: a window, told by lines on standard input what to do.
 *
 *   title TEXT   its window is called TEXT (UTF-8) from now on
 *   child NAME   starts the program NAME of its own folder as a child, without a window
 *   orphan       ends that child
 *   hang         takes no message any more
 *   answer       takes them again
 *
 * With the argument "child" it is such a child: it only waits. At most 10 minutes, whatever happens to the test. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#define AT_MOST 600000 /* ms */

static HWND window;
static volatile LONG hang;
static PROCESS_INFORMATION child;

static void wide(const char *text, WCHAR *out, int size) { MultiByteToWideChar(CP_UTF8, 0, text, -1, out, size); }

static void start_child(const char *name) {
    WCHAR path[1024], command[1200];
    STARTUPINFOW info = {sizeof info};
    DWORD length = GetModuleFileNameW(NULL, path, 1024);
    while (length && path[length - 1] != L'\\') length--;
    wide(name, path + length, 1024 - (int)length);
    _snwprintf(command, 1200, L"\"%ls\" child", path);
    /* No handle is passed on: whoever reads our output must see its end. */
    printf("child %d\n", (int)CreateProcessW(path, command, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &info, &child));
}

static DWORD WINAPI listen_to_the_test(void *unused) {
    char line[512];
    WCHAR title[256];
    (void)unused;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strncmp(line, "title ", 6)) {
            wide(line + 6, title, 256);
            SetWindowTextW(window, title);
        } else if (!strncmp(line, "child ", 6)) {
            start_child(line + 6);
        } else if (!strcmp(line, "orphan")) {
            TerminateProcess(child.hProcess, 0);
        } else if (!strcmp(line, "hang")) {
            InterlockedExchange(&hang, 1);
        } else if (!strcmp(line, "answer")) {
            InterlockedExchange(&hang, 0);
        }
        printf("done %s\n", line);
        fflush(stdout);
    }
    return 0;
}

int main(int count, char **words) {
    MSG message;
    WCHAR title[64];
    DWORD began = GetTickCount();
    if (count > 1 && !strcmp(words[1], "child")) {
        Sleep(AT_MOST);
        return 0;
    }
    wide("国金证券QMT交易端 1.0.0.29456", title, 64);
    window = CreateWindowExW(0, L"STATIC", title, WS_OVERLAPPEDWINDOW | WS_VISIBLE, 50, 50, 400, 200, NULL, NULL, NULL, NULL);
    CreateThread(NULL, 0, listen_to_the_test, NULL, 0, NULL);
    printf(window ? "up\n" : "no window\n");
    fflush(stdout);
    while (GetTickCount() - began < AT_MOST) {
        while (!hang && PeekMessageW(&message, NULL, 0, 0, PM_REMOVE)) DispatchMessageW(&message);
        Sleep(20);
    }
    return 0;
}
