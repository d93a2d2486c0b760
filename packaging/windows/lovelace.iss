; NOT RUN YET, and Lovelace itself does not run on Windows yet: the engine keeps processes apart with file locks from
; Python's `fcntl`, which only POSIX systems have (sync/store, app/agents/local/model_fetch.py). This recipe for Inno
; Setup 6 is what is to be done once it does.
;
;   .venv\Scripts\python -m PyInstaller --noconfirm --workpath build\pyinstaller --distpath build\bundle packaging\lovelace.spec
;   iscc /DVersion=0.1.0 packaging\windows\lovelace.iss
;
; (the rules in packaging/contents.py think of paths with slashes, and the window needs a second program without a console)
; makes dist\lovelace-0.1.0-setup.exe: for one person, without administrator's rights, with the scheme lovelace:.

#ifndef Version
  #error Give the version: iscc /DVersion=0.1.0 packaging\windows\lovelace.iss
#endif

[Setup]
AppId=lovelace
AppName=Lovelace
AppVersion={#Version}
AppPublisher=The Lovelace authors
LicenseFile=..\..\LICENSE
DefaultDirName={autopf}\Lovelace
DefaultGroupName=Lovelace
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
ChangesEnvironment=yes
Compression=lzma2
SolidCompression=yes
OutputDir=..\..\dist
OutputBaseFilename=lovelace-{#Version}-setup
UninstallDisplayIcon={app}\lovelace.exe

[Files]
Source: "..\..\build\bundle\lovelace\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\Lovelace"; Filename: "{app}\lovelace.exe"; Parameters: "desktop"

[Registry]
Root: HKA; Subkey: "Software\Classes\lovelace"; ValueType: string; ValueData: "URL:Lovelace"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\lovelace"; ValueType: string; ValueName: "URL Protocol"; ValueData: ""
Root: HKA; Subkey: "Software\Classes\lovelace\shell\open\command"; ValueType: string; ValueData: """{app}\lovelace.exe"" desktop ""%1"""
Root: HKCU; Subkey: "Environment"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Check: IsNotInPath

[Run]
Filename: "{app}\lovelace.exe"; Parameters: "desktop"; Description: "Start Lovelace"; Flags: nowait postinstall skipifsilent

[Code]
function IsNotInPath: Boolean;
var
  Path: string;
begin
  Result := not RegQueryStringValue(HKCU, 'Environment', 'Path', Path)
    or (Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Path) + ';') = 0);
end;
