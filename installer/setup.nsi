; The setup program: per user, Chinese and English. Made by installer/build.py, which passes
;   -DVERSION=1.2.3 -DAPP=<program folder>\* -DOUT=<setup.exe> -DICON=<file> [-DFAST]
;
;   setup.exe [/S] [/PAIRFILE=file] [/QMT=folder] [/AUTOOFF] [/DOWNGRADE] [/D=folder]      (/D= last)
;
; Exit codes: 0 installed; 1 cancelled; 2 files could not be written; 3 a newer version is installed; 4 the new version's
; self-test failed, the old one is back; 5 the running copy could not be ended; 6 installed, but the pairing code was not
; taken. What needs thought is done by SentryTool.exe (installer/setup_tool.py), not here.

Target amd64-unicode
Unicode true
!ifdef FAST
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
!endif
!include MUI2.nsh
!include FileFunc.nsh
!include LogicLib.nsh
!include nsDialogs.nsh
!include WordFunc.nsh

!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\QMTSentry"
!define MENU "$SMPROGRAMS\QMT 哨兵"

Name "QMT 哨兵"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\QMTSentry"
InstallDirRegKey HKCU "${KEY}" "InstallLocation"
RequestExecutionLevel user
ManifestDPIAware true
ShowInstDetails nevershow
ShowUninstDetails nevershow
VIProductVersion "${VERSION}.0"
VIAddVersionKey /LANG=2052 "ProductName" "QMT Sentry"
VIAddVersionKey /LANG=2052 "FileDescription" "QMT 哨兵安装程序"
VIAddVersionKey /LANG=2052 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=2052 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=2052 "CompanyName" "QMT Sentry"
VIAddVersionKey /LANG=2052 "LegalCopyright" ""

Var PairFile
Var Qmt
Var AutoOff
Var Downgrade
Var HadOne
Var Code
Var CodeField
Var AutoOffBox
Var Report

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_ABORTWARNING
!define MUI_WELCOMEPAGE_TEXT "$(WELCOME)"
!define MUI_FINISHPAGE_SHOWREADME "$INSTDIR\app\qmt\import-into-qmt.html"
!define MUI_FINISHPAGE_SHOWREADME_TEXT "$(SHOW_GUIDE)"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_INSTFILES
Page custom pairing_page pairing_done
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "SimpChinese"
!insertmacro MUI_LANGUAGE "English"

!macro TEXT NAME CHINESE ENGLISH
  LangString ${NAME} ${LANG_SIMPCHINESE} "${CHINESE}"
  LangString ${NAME} ${LANG_ENGLISH} "${ENGLISH}"
!macroend
!insertmacro TEXT WELCOME "安装到当前用户，不需要管理员权限，已有的设置和没送出的消息都会保留。$\r$\n$\r$\n装好后只观察、不下单。" \
  "Installs for the current user, without administrator rights. Settings and unsent posts are kept.$\r$\n$\r$\nAs installed it only observes and places no orders."
!insertmacro TEXT SHOW_GUIDE "打开说明：怎样把脚本导入 QMT" "Open the guide: how to import the scripts into QMT (Chinese)"
!insertmacro TEXT NEWER "已经装了更新的版本，没有改动。确实要装旧版本，请在命令行加 /DOWNGRADE。" \
  "A newer version is installed; nothing was changed. To install the older one, run setup with /DOWNGRADE."
!insertmacro TEXT NOT_WRITTEN "文件写不进 $INSTDIR：请检查磁盘空间和权限，关掉杀毒软件的拦截提示，然后重新运行安装程序。" \
  "Cannot write to $INSTDIR. Check disk space, rights and the virus scanner, then run setup again."
!insertmacro TEXT SELFTEST "新版本自检没有通过，没有安装；原来的版本（如果有）已恢复。原因在数据文件夹的 logs\tray.log。" \
  "The new version's self-test failed. It was not installed; the old version, if any, is back."
!insertmacro TEXT RUNNING "正在运行的哨兵关不掉：请右键点它的图标选“退出”，然后重新运行安装程序。" \
  "The running copy cannot be ended. Quit it from its icon's menu, then run setup again."
!insertmacro TEXT TWICE "另一个哨兵安装程序正在运行：请等它结束。" "Another setup of QMT Sentry is running. Wait for it to end."
!insertmacro TEXT PAIR_TITLE "配对" "Pairing"
!insertmacro TEXT PAIR_SUBTITLE "让这台电脑认识您的接收端。" "Connect this PC with your receiver."
!insertmacro TEXT PAIR_LABEL "把配对码（服务器上 init 或 pair 打印的、QS1. 开头的那一整行）粘贴到下面。也可以先留空，以后在图标的菜单里配对。" \
  "Paste the pairing code below: the line that begins with QS1., printed by init or pair on the server. Or pair later from the icon's menu."
!insertmacro TEXT AUTOOFF "交易日收盘后（15:15）自动关机，可在菜单里取消" "Shut the PC down after the close (15:15) on trading days"
!insertmacro TEXT PAIR_LATER "配对码已写入，但现在连不上接收端；它起来后会自动连上。" \
  "The code was stored, but the receiver does not answer now. It will be connected to when it does."
!insertmacro TEXT PAIR_CERTIFICATE "接收端的证书和配对码里的不是同一张，没有配对：请在服务器上重新运行 receiver.py pair 名字。" \
  "The receiver's certificate is not the one of the code. Run receiver.py pair again."
!insertmacro TEXT PAIR_TOKEN "接收端不认这个配对码，没有配对：等几秒再粘贴一次，还不行就在服务器上重新运行 receiver.py pair 名字。" \
  "The receiver does not know this code. Paste the code again in a few seconds, or run receiver.py pair again."
!insertmacro TEXT PAIR_CODE "这不是完整的配对码：请把 QS1. 开头的那一行从头到尾重新复制一次。" \
  "This is no complete pairing code. Copy the whole line that begins with QS1. again."
!insertmacro TEXT PURGE "要连同设置、日志和没送出的消息一起删除吗？选“否”保留，以后重装还能用。" \
  "Delete the settings, logs and unsent posts as well? No keeps them for a later installation."
!insertmacro TEXT PACKAGE_STAYS "QMT 正在运行或不让删除，里面的 dingtou 程序包留下了：不再使用的话，请关掉 QMT 后手动删除它。" \
  "QMT is running or does not allow it: its dingtou package was left. Delete it by hand after closing QMT."

; Renaming a folder fails while a scanner looks into it: 30 tries, half a second apart. $0: 0 = done.
!macro MOVE FROM TO
  StrCpy $1 0
  ${Do}
    ClearErrors
    Rename "${FROM}" "${TO}"
    StrCpy $0 0
    ${IfNot} ${Errors}
      ${ExitDo}
    ${EndIf}
    StrCpy $0 1
    IntOp $1 $1 + 1
    Sleep 500
  ${LoopUntil} $1 >= 30
!macroend

!macro FAIL LEVEL TEXT
  RMDir /r "$INSTDIR\next"
  MessageBox MB_OK|MB_ICONSTOP "${TEXT}" /SD IDOK
  SetErrorLevel ${LEVEL}
  Quit
!macroend

; As Windows splits them: `/QMT="D:\a b"` and `"/QMT=D:\a b"` (what PowerShell makes of it) are the same.
Function arguments
  StrCpy $Downgrade 0
  System::Call 'kernel32::GetCommandLineW() p .r1'
  System::Call 'shell32::CommandLineToArgvW(p r1, *i .r2) p .r3'
  ${For} $4 1 $2
    ${If} $4 = $2
      ${ExitFor}
    ${EndIf}
    IntOp $5 $4 * ${NSIS_PTR_SIZE}
    IntPtrOp $5 $5 + $3
    System::Call '*$5(w .r6)'
    StrCpy $7 $6 10
    StrCpy $8 $6 5
    ${If} $7 == "/PAIRFILE="
      StrCpy $PairFile $6 "" 10
      GetFullPathName $PairFile "$PairFile"
    ${ElseIf} $8 == "/QMT="
      StrCpy $Qmt $6 "" 5
    ${ElseIf} $6 == "/AUTOOFF"
      StrCpy $AutoOff "--shutdown-task yes"
    ${ElseIf} $6 == "/DOWNGRADE"
      StrCpy $Downgrade 1
    ${EndIf}
  ${Next}
  System::Call 'kernel32::LocalFree(p r3)'
  ${Do} ; a backslash at the end would escape the quote that follows it on the tool's command line
    StrCpy $R1 $Qmt 1 -1
    ${If} $R1 != "\"
    ${AndIf} $R1 != '"'
      ${ExitDo}
    ${EndIf}
    StrCpy $Qmt $Qmt -1
  ${Loop}
FunctionEnd

Function .onInit
  System::Call 'kernel32::CreateMutexW(p 0, i 0, w "Local\QMTSentry-setup") p .r1 ?e'
  Pop $R0
  ${If} $R0 = 183 ; ERROR_ALREADY_EXISTS
    MessageBox MB_OK|MB_ICONSTOP "$(TWICE)" /SD IDOK
    SetErrorLevel 5
    Quit
  ${EndIf}
  Call arguments
  ReadRegStr $R2 HKCU "${KEY}" "DisplayVersion"
  ${If} $R2 != ""
    ${VersionCompare} "$R2" "${VERSION}" $R3
    ${If} $R3 = 1
    ${AndIf} $Downgrade = 0
      MessageBox MB_OK|MB_ICONSTOP "$(NEWER)" /SD IDOK
      SetErrorLevel 3
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

Section
  ; Beside the old program, which goes on running until all of the new one is on the disk.
  RMDir /r "$INSTDIR\next"
  ClearErrors
  SetOutPath "$INSTDIR\next"
  File /r "${APP}"
  SetOutPath "$TEMP" ; Windows renames no folder that is somebody's current one
  ${If} ${Errors}
    !insertmacro FAIL 2 "$(NOT_WRITTEN)"
  ${EndIf}
  ExecWait '"$INSTDIR\next\SentryTool.exe" stop --root "$INSTDIR"' $0
  ${If} $0 <> 0
    !insertmacro FAIL 5 "$(RUNNING)"
  ${EndIf}
  Call swap
  Call self_test
  Call set_up
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "${KEY}" "DisplayName" "QMT 哨兵"
  WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${KEY}" "DisplayIcon" "$INSTDIR\app\QMTSentry.exe"
  WriteRegStr HKCU "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
  CreateDirectory "${MENU}"
  CreateShortcut "${MENU}\QMT 哨兵.lnk" "$INSTDIR\app\QMTSentry.exe"
  CreateShortcut "${MENU}\检查设置.lnk" "$INSTDIR\app\QMTSentry.exe" "--doctor"
  CreateShortcut "${MENU}\装到 QMT.lnk" "$INSTDIR\app\SentryTool.exe" 'to-qmt --root "$INSTDIR"'
  CreateShortcut "${MENU}\怎样把脚本导入 QMT.lnk" "$INSTDIR\app\qmt\import-into-qmt.html"
  CreateShortcut "${MENU}\卸载.lnk" "$INSTDIR\uninstall.exe"
  StrCpy $Code 0
  ${If} $PairFile != ""
    ExecWait '"$INSTDIR\app\QMTSentry.exe" --pair-file "$PairFile"' $Code
  ${EndIf}
  Exec '"$INSTDIR\app\QMTSentry.exe"'
  RMDir /r "$INSTDIR\previous"
  ${If} $Code <> 0
  ${AndIf} $Code <> 3
    SetErrorLevel 6
  ${Else}
    SetErrorLevel 0
  ${EndIf}
SectionEnd

; app -> previous, next -> app
Function swap
  ; A power cut between the two renames of an earlier setup left the old program there.
  ${IfNot} ${FileExists} "$INSTDIR\app\*.*"
    Rename "$INSTDIR\previous" "$INSTDIR\app"
  ${EndIf}
  RMDir /r "$INSTDIR\previous"
  StrCpy $HadOne 0
  ${If} ${FileExists} "$INSTDIR\app\*.*"
    !insertmacro MOVE "$INSTDIR\app" "$INSTDIR\previous"
    ${If} $0 <> 0
      ExecWait '"$INSTDIR\app\SentryTool.exe" set-up --root "$INSTDIR"' ; the tasks that "stop" removed
      Exec '"$INSTDIR\app\QMTSentry.exe"'
      !insertmacro FAIL 5 "$(RUNNING)"
    ${EndIf}
    StrCpy $HadOne 1
  ${EndIf}
  !insertmacro MOVE "$INSTDIR\next" "$INSTDIR\app"
  ${If} $0 <> 0
    Call back
    !insertmacro FAIL 2 "$(NOT_WRITTEN)"
  ${EndIf}
FunctionEnd

; Bounded: a program that hangs in its self-test must not hang the installation.
Function self_test
  nsExec::Exec /TIMEOUT=90000 '"$INSTDIR\app\QMTSentry.exe" --selftest'
  Pop $0
  ${If} $0 != 0
    ExecWait '"$INSTDIR\app\SentryTool.exe" stop --root "$INSTDIR"' $1 ; one that hangs
    Call back
    !insertmacro FAIL 4 "$(SELFTEST)"
  ${EndIf}
FunctionEnd

; The old program again, running and with its tasks.
Function back
  RMDir /r "$INSTDIR\app"
  ${If} $HadOne = 1
    !insertmacro MOVE "$INSTDIR\previous" "$INSTDIR\app"
    ExecWait '"$INSTDIR\app\SentryTool.exe" set-up --root "$INSTDIR"'
    Exec '"$INSTDIR\app\QMTSentry.exe"'
  ${EndIf}
FunctionEnd

Function set_up
  InitPluginsDir
  StrCpy $R0 ""
  ${If} $Qmt != ""
    StrCpy $R0 '--qmt "$Qmt"'
  ${EndIf}
  ExecWait '"$INSTDIR\app\SentryTool.exe" set-up --root "$INSTDIR" --report "$PLUGINSDIR\report.txt" $AutoOff $R0'
FunctionEnd

; After the files, because SentryTool.exe must be there to find QMT.
Function pairing_page
  StrCpy $Report ""
  ClearErrors
  FileOpen $0 "$PLUGINSDIR\report.txt" r
  ${IfNot} ${Errors}
    FileReadWord $0 $1 ; the byte order mark
    ${Do}
      FileReadUTF16LE $0 $1
      ${If} ${Errors}
        ${ExitDo}
      ${EndIf}
      StrCpy $Report "$Report$1"
    ${Loop}
    FileClose $0
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(PAIR_TITLE)" "$(PAIR_SUBTITLE)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 20u "$(PAIR_LABEL)"
  Pop $0
  nsDialogs::CreateControl EDIT "${DEFAULT_STYLES}|${WS_TABSTOP}|${ES_MULTILINE}|${WS_VSCROLL}" "${WS_EX_CLIENTEDGE}" 0 22u 100% 40u ""
  Pop $CodeField
  ${NSD_CreateCheckbox} 0 66u 100% 12u "$(AUTOOFF)"
  Pop $AutoOffBox
  ${If} ${FileExists} "$INSTDIR\shutdown-task.txt"
    ${NSD_Check} $AutoOffBox
  ${EndIf}
  ${NSD_CreateLabel} 0 82u 100% 56u "$Report"
  Pop $0
  nsDialogs::Show
FunctionEnd

Function pairing_done
  ${NSD_GetState} $AutoOffBox $0
  StrCpy $AutoOff "--shutdown-task no"
  ${If} $0 = ${BST_CHECKED}
    StrCpy $AutoOff "--shutdown-task yes"
  ${EndIf}
  Call set_up
  ${NSD_GetText} $CodeField $0
  ${If} $0 == ""
    Return
  ${EndIf}
  FileOpen $1 "$PLUGINSDIR\code.txt" w
  FileWriteUTF16LE /BOM $1 "$0"
  FileClose $1
  ExecWait '"$INSTDIR\app\QMTSentry.exe" --pair-file "$PLUGINSDIR\code.txt"' $Code
  ${Select} $Code
    ${Case} 0
      Return
    ${Case} 3
      MessageBox MB_OK|MB_ICONINFORMATION "$(PAIR_LATER)"
      Return
    ${Case} 4
      MessageBox MB_OK|MB_ICONSTOP "$(PAIR_CERTIFICATE)"
    ${Case} 5
      MessageBox MB_OK|MB_ICONSTOP "$(PAIR_TOKEN)"
    ${CaseElse}
      MessageBox MB_OK|MB_ICONSTOP "$(PAIR_CODE)"
  ${EndSelect}
  Abort
FunctionEnd

Section Uninstall
  SetOutPath "$TEMP"
  ExecWait '"$INSTDIR\app\SentryTool.exe" stop --root "$INSTDIR"' $0
  ${If} $0 = 5
    MessageBox MB_OK|MB_ICONSTOP "$(RUNNING)" /SD IDOK
    SetErrorLevel 5
    Quit
  ${EndIf}
  ${GetParameters} $R0
  StrCpy $R2 ""
  ClearErrors
  ${GetOptions} $R0 "/PURGE" $R1
  ${IfNot} ${Errors}
    StrCpy $R2 "--purge"
  ${Else}
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(PURGE)" /SD IDNO IDNO +2
    StrCpy $R2 "--purge"
  ${EndIf}
  ExecWait '"$INSTDIR\app\SentryTool.exe" remove --root "$INSTDIR" $R2' $0
  ${If} $0 = 1
    MessageBox MB_OK|MB_ICONINFORMATION "$(PACKAGE_STAYS)" /SD IDOK
  ${EndIf}
  RMDir /r "$INSTDIR\previous"
  RMDir /r "$INSTDIR\next"
  StrCpy $1 0
  ${Do} ; a scanner may still look at the programs that have just ended
    RMDir /r "$INSTDIR\app"
    ${IfNot} ${FileExists} "$INSTDIR\app\*.*"
      ${ExitDo}
    ${EndIf}
    IntOp $1 $1 + 1
    Sleep 500
  ${LoopUntil} $1 >= 30
  Delete "$INSTDIR\site-packages.txt"
  Delete "$INSTDIR\shutdown-task.txt"
  Delete "$INSTDIR\setup.log"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  RMDir /r "${MENU}"
  DeleteRegKey HKCU "${KEY}"
SectionEnd
